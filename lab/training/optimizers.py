"""Optimizers by name: Keras' own, and, where a strategy asks for it, with terms that differ by variable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from lab.training.adam import Adam

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "adam": Adam,
    "sgd": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True),
    "rmsprop": keras.optimizers.RMSprop,
    "lion": keras.optimizers.Lion,
}


@dataclass(frozen=True)
class Terms:
    """What holds for one variable.

    Attributes:
        rate: what the learning rate is multiplied by.
        decay: decoupled weight decay a step, times its rate; Loshchilov and Hutter 2019,
            https://arxiv.org/abs/1711.05101. Keras' own `weight_decay` would not follow the variable's rate.
        pull: strength of an L2 penalty on the distance from where training began, in the gradient.
        shrink: strength of an L2 penalty on the size, in the gradient.
    """

    rate: float = 1.0
    decay: float = 0.0
    pull: float = 0.0
    shrink: float = 0.0


def optimizer(name: str, rate: Any, terms: Sequence[Terms], **options: Any) -> Any:
    """Keras' optimizer of a name; its subclass where the terms of one of the trained variables, in order, say more."""
    made = OPTIMIZERS[name]
    if all(t == Terms() for t in terms):
        return made(rate, **options)
    kind: Any = getattr(made, "func", made)
    words = {**getattr(made, "keywords", {}), **options}
    return type(f"Varied{kind.__name__}", (_Varied, kind), {})(rate, **words).with_terms(terms)


def restart(optimizer: Any) -> None:
    """Has a built optimizer begin anew: no step taken, no moments; a pull is to where its variables are now."""
    for variable in optimizer.variables:
        variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
    for variable, start in zip(optimizer._trainable_variables, getattr(optimizer, "starts", ()), strict=False):
        if start is not None:
            start.assign(variable)


class _Varied:
    """Mixed into an optimizer of Keras: changes what a step sees of each variable."""

    def with_terms(self, terms: Sequence[Terms]) -> Any:
        self.terms = tuple(terms)
        return self

    def build(self: Any, variables: Sequence[Any]) -> None:
        super().build(variables)  # type: ignore[misc]
        self.starts = [
            self.add_variable_from_reference(v, name="start", initializer=_copy_of(v)) if t.pull else None
            for v, t in zip(variables, self.terms, strict=True)
        ]

    def update_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        terms = self.terms[index]
        rate = learning_rate * terms.rate
        value = keras.ops.convert_to_tensor(variable)
        if terms.pull:
            gradient = gradient + terms.pull * (value - keras.ops.convert_to_tensor(self.starts[index]))
        if terms.shrink:
            gradient = gradient + terms.shrink * value
        if terms.decay:
            self.assign_sub(variable, value * keras.ops.cast(rate * terms.decay, value.dtype))
        super().update_step(gradient, variable, rate)  # type: ignore[misc]


def _copy_of(variable: Any) -> Callable[..., Any]:
    """An initializer; a copy, since JAX frees the array of a variable that is trained, and takes no variable itself."""
    return lambda shape, dtype=None: keras.ops.copy(variable)
