"""An image size of which the backbone's strides leave almost nothing, or a rest."""

from typing import Any

from lab.checks import Finding, finding


def check(trainer: Any) -> Finding | None:
    net = trainer.net
    stride = max(s["stride"] for s in net.stages if s["stride"])
    size = net.shape[0]
    height, width = net.body.output_shape[1:3] if len(net.body.output_shape) == 4 else (2, 2)
    if min(height, width) < 2:
        return finding(
            f"at {size} px the last features of {net.backbone} are {height} x {width}",
            f"its stride is {stride}: one place is left to see the whole image with, and its late stages idle",
            f"--size {2 * stride} or more",
        )
    if size % stride:
        near = sorted({max(2, size // stride) * stride, (size // stride + 1) * stride})
        return finding(
            f"{size} px is no multiple of the stride {stride} of {net.backbone}",
            "borders are padded or cut unevenly at each stage",
            f"--size {' or '.join(map(str, near))}",
        )
    return None
