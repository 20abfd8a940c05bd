"""Builds the two libraries from csrc: properties of the machine, a ninja file, and the setuptools command."""
