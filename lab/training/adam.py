"""Keras' Adam, one operation a variable under TensorFlow, where Keras' own formula takes some thirty to be traced."""

from typing import Any

import keras


class Adam(keras.optimizers.Adam):
    """The same update; Kingma and Ba 2015, https://arxiv.org/abs/1412.6980.

    Of what the first step of a fine-tuning traces, Keras' formula is over half. Here 1 - beta is taken in 32 bits, so
    that a step differs in its fifth digit.
    """

    powers: Any = None  # of both betas by the number of the step, shared by the variables that it updates

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        self.powers = None  # of this step, which may be in a graph of its own, not those of the one before
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if keras.backend.backend() != "tensorflow" or self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        if self.powers is None:
            step = keras.ops.cast(self.iterations + 1, "float32")
            self.powers = [keras.ops.power(beta, step) for beta in (self.beta_1, self.beta_2)]
        index, dtype = self._get_variable_index(variable), variable.dtype
        first, second, rate = (keras.ops.cast(v, dtype) for v in (*self.powers, learning_rate))
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[index].value.handle, v=self._velocities[index].value.handle,
            beta1_power=first, beta2_power=second, lr=rate, beta1=self.beta_1, beta2=self.beta_2,
            epsilon=self.epsilon, grad=tf.convert_to_tensor(keras.ops.cast(gradient, dtype)),
        )  # fmt: skip
