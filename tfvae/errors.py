"""The one exception that a command turns into a sentence and exit status 2."""


class UserError(ValueError):
    """Something that the user gave cannot be used: says what came, what was wanted, how to mend it."""
