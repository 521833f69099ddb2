"""What tasks share whose labels are classes."""

from lab.errors import BadInput
from lab.inputs.data import Data, printable


def check_names(data: Data) -> None:
    """Refuses classes that cannot be told apart or shown.

    Raises:
        BadInput: there is one at most, or a name cannot be printed.
    """
    for name in data.classes:
        printable(name, data.source)
    if len(data.classes) < 2:
        raise BadInput(f"there must be two classes or more to tell apart; received {len(data.classes)}")


def untaught(data: Data, label: int, having) -> BadInput:
    """That training lacks a class which some test examples have, (N,) bool."""
    first = data.test.ids[having.nonzero()[0][0]]
    return BadInput(
        f"training has no example of {data.classes[label]!r}, which the test split has ({first}); add some to "
        "training, or leave the class out of both (--drop-classes)"
    )
