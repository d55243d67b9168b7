"""The one exception for a person's mistake: its message is a sentence the command line prints as it is."""


class UserError(ValueError):
    """What was expected, what came, and what to do, in one sentence; the command line prints it and exits with 2."""
