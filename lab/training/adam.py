"""Keras' Adam, one operation a variable under TensorFlow, where Keras' own formula takes some thirty to be traced."""

from typing import Any

import keras


class Adam(keras.optimizers.Adam):
    """The same update; Kingma and Ba 2015, https://arxiv.org/abs/1412.6980.

    Of what the first step of a fine-tuning traces, Keras' formula is over half. Here 1 - beta is taken in 32 bits, so
    that a step differs in its fifth digit.
    """

    shared: Any = None  # by all variables that a step updates: see `_constants`

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        self.shared = {}  # of this step, which may be in a graph of its own, not those of the one before
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if keras.backend.backend() != "tensorflow" or self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        index, dtype = self._get_variable_index(variable), variable.dtype
        if dtype not in self.shared:
            self.shared[dtype] = self._constants(dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[index].value.handle, v=self._velocities[index].value.handle,
            grad=tf.convert_to_tensor(keras.ops.cast(gradient, dtype)), lr=keras.ops.cast(learning_rate, dtype),
            **self.shared[dtype],
        )  # fmt: skip

    def _constants(self, dtype: str) -> dict[str, Any]:
        """The powers of both betas by the number of the step, both betas and epsilon, as the operation takes them."""
        step = keras.ops.cast(self.iterations + 1, "float32")
        betas = {"beta1": self.beta_1, "beta2": self.beta_2}
        powers = {f"{name}_power": keras.ops.power(beta, step) for name, beta in betas.items()}
        made = {**powers, **betas, "epsilon": self.epsilon}
        return {name: keras.ops.cast(keras.ops.convert_to_tensor(value), dtype) for name, value in made.items()}
