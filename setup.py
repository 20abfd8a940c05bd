"""Metadata stands in pyproject.toml; this file adds the two compiled libraries, which csrc/building makes."""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).resolve().parent))

from csrc.building.command import BuildNative, extensions

setup(ext_modules=extensions(), cmdclass={"build_ext": BuildNative})
