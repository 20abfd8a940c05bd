"""Runners for an exported version without TensorFlow: Python, C++ and Kotlin; see README.md in this folder."""
