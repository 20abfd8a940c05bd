"""Metadata stands in pyproject.toml; this file is for what needs code, such as compiled extensions."""

from setuptools import setup

setup()
