"""What can go wrong by the user's doing, said in one line. No Keras."""


class BadInput(Exception):
    """Input that the lab refuses: what was received, what is allowed, what to do (exit code 2)."""


class Unavailable(Exception):
    """Weights or data that cannot be had here; the message says how to get them."""


class Interrupted(BaseException):
    """The user wants no more: what was learnt so far is to be kept."""


class Diverged(Exception):
    """The loss is not a number any more; what was best until then is to be kept."""
