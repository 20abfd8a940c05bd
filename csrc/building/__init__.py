"""How csrc becomes two libraries: facts of the machine, a ninja file, and the setuptools command that runs it."""
