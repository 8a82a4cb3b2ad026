"""Holds a program in any language to the vectors, from outside; README.md says how."""
