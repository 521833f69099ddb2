"""What is minimised; one file, one loss."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab import names
from lab.names import Named


@dataclass(frozen=True)
class Loss(Named):
    """From targets and logits to one number.

    | tensor | |
    |---|---|
    | targets | (..., K) float32, one-hot; all zero where the label is ignored |
    | logits | (..., K) float32 |
    | weights | (K,) float32, one for each class, or None |
    | the loss | () float32; 0 where everything is ignored |

    What is ignored changes neither the loss nor a gradient.
    """

    def __call__(self, targets: Any, logits: Any, weights: Any = None) -> Any:
        raise TypeError(f"{self.name} cannot be called")


def parsed(text: str) -> list[Loss]:
    """The losses that a sum such as `dice+tversky(alpha=0.3)` names, by the alphabet: a sum has no order.

    Raises:
        BadInput: for what is no loss; names the nearest ones.
    """
    return sorted((names.build("losses", term) for term in _terms(text)), key=str)


def canonical(text: str) -> str:
    """The one form of all texts that mean the same loss.

    Raises:
        BadInput: for what is no loss; names the nearest ones.
    """
    return "+".join(map(str, parsed(text)))


def built(text: str, classes: int, weights: Sequence[float] | None = None) -> Any:
    """A `keras.losses.Loss` of K classes: the sum that the text names, each term with the weights (K,) of the classes.

    It takes logits (..., K), and as targets either label numbers (..., 1), 255 ignored, or what is
    one-hot already, (..., K); K is 2 or more, so that the last axis tells which.

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
