"""How PyTorch trains a network and predicts with it, as one writes it: channels last, Adam, cross-entropy. No lab."""

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any


def rate(work: Callable[[], Any], count: int) -> float:
    """Images a second, the median of three after one to warm up."""
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return count / median(seconds[1:])


def rates(model: Any, x: Any, y: Any, batch: int, logits: Callable[[Any], Any] = lambda given: given) -> Any:
    """Images a second of (training, prediction) on images (N, H, W, 3) uint8 and their labels, or masks.

    `logits` are what the loss is taken of, out of what the model gives.
    """
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters())
    pixels, labels = torch.from_numpy(x.transpose(0, 3, 1, 2)), torch.from_numpy(y)
    batches = list(zip(pixels.split(batch), labels.split(batch), strict=True))

    def given(some: Any) -> Any:
        return logits(model((some.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)))

    def train() -> None:
        model.train()
        for some, wanted in batches:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(given(some), wanted).backward()
            optimizer.step()

    def predict() -> None:
        model.eval()
        with torch.inference_mode():
            for some, _ in batches:
                given(some).numpy()

    return rate(train, len(x)), rate(predict, len(x))
