"""What is minimised; one file, one loss.

May import the foundations; may not import tasks and training.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lab import names
from lab.errors import BadInput
from lab.names import Named


@dataclass(frozen=True)
class Loss(Named):
    """From targets and logits to one number.

    | tensor | of classes | of numbers |
    |---|---|---|
    | targets | (..., K) float32, one-hot; all zero where the label is ignored | (N, P) float32, standardised |
    | logits | (..., K) float32 | (N, P) float32 |
    | weights | (K,) float32, one for each class, or None | None |
    | the loss | () float32; 0 where everything is ignored | () float32 |

    What is ignored changes neither the loss nor a gradient.
    """

    of: ClassVar[Literal["classes", "numbers"]] = "classes"  # what targets are

    def __call__(self, targets: Any, logits: Any, weights: Any = None) -> Any:
        raise TypeError(f"{self.name} cannot be called")


def parsed(text: str) -> list[Loss]:
    """The losses that a sum such as `dice+tversky(alpha=0.3)` names, by the alphabet: a sum has no order.

    Raises:
        BadInput: for what is no loss; names the nearest ones.
    """
    return sorted((names.build("losses", term) for term in _terms(text)), key=str)


def refuse(text: str, of: str) -> None:
    """Refuses losses whose targets are others than these, classes or numbers.

    Raises:
        BadInput: names those that there are.
    """
    for loss in parsed(text):
        if loss.of != of:
            known = [n for n in names.listing("losses") if names.find("losses", n).of == of]
            raise BadInput(f"--loss {loss} is of {loss.of}, and the labels here are {of}; use {', '.join(known)}")


def canonical(text: str) -> str:
    """The one form of all texts that mean the same loss.

    Raises:
        BadInput: for what is no loss; names the nearest ones.
    """
    return "+".join(map(str, parsed(text)))


def built(text: str, classes: int | None, weights: Sequence[float] | None = None) -> Any:
    """A `keras.losses.Loss` of K classes: the sum that the text names, each term with the weights (K,) of the classes.

    It takes logits (..., K), and as targets either label numbers (..., 1), 255 ignored, or what is
    one-hot already, (..., K); K is 2 or more, so that the last axis tells which. Where `classes` is None targets are
    numbers.

    Raises:
        BadInput: for what is no loss; names the nearest ones.
    """
    terms = parsed(text)
    from lab.losses._total import Total

    return Total(terms, classes, weights)


def _terms(text: str) -> list[str]:
    """The terms of a sum; Python's grammar says which plus signs are inside brackets."""
    if len(text) > names.LONGEST:
        return [text]  # no name either, which is said where names are read
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return [text]
    terms: list[str] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        terms.append(ast.unparse(node.right))
        node = node.left
    return [*terms, ast.unparse(node)]
