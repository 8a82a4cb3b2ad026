"""Benchmarks: this library beside others, and beside itself without one part or another. `make bench`."""
