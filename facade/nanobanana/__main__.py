"""`python -m nanobanana`: the command line."""

from .cli import main

main()
