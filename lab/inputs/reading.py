"""Images that are decoded when they are asked for, ahead of whoever asks; optionally kept decoded."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lab.inputs.data import Images, Split, eval_batches
from lab.progress import over

Array = np.ndarray
Thing = TypeVar("Thing")
POOL = ThreadPoolExecutor(2 * (os.cpu_count() or 1))  # a batch's images side by side: decoders release the GIL
AHEAD = 4  # batches decoded before they are asked for
SMALL = 1 << 30  # bytes of decoded images that are kept in memory, or on an accelerator, unasked
BATCH = 64


class OnDemand:
    """Images (N, H, W, C), or masks (N, H, W), each read when it is asked for."""

    def __init__(self, read: Callable[[int], Array], shape: tuple[int, ...], order: Array, dtype: Any = "uint8"):
        """`read` gives the image of a number, of this shape and type; image i is the one of number `order[i]`."""
        self.read, self.order, self.dtype = read, order, np.dtype(dtype)
        self.shape: tuple[int, ...] = (len(order), *shape)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, indices: Any) -> Array:
        return np.stack(list(POOL.map(self.read, self.order[indices].tolist())))

    def subset(self, indices: Array) -> "OnDemand":
        return OnDemand(self.read, self.shape[1:], self.order[indices], self.dtype)

    def map(self, change: Callable[[Array], Array]) -> "OnDemand":
        """The same with each image changed, its shape kept."""
        return OnDemand(lambda i: change(self.read(i)), self.shape[1:], self.order, self.dtype)


class OnDevice:
    """Images (N, H, W, C) that lie where the network is: a batch of them is not brought from the host."""

    def __init__(self, images: Array):
        import keras

        self.held, self.shape, self.dtype = keras.ops.convert_to_tensor(images), images.shape, images.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: Any) -> Any:
        import keras

        return keras.ops.take(self.held, indices, axis=0)


def on_device(images: Images) -> Images:
    """Images where the network is, if that is an accelerator and they take less than `SMALL` there."""
    from lab.environment import device

    if isinstance(images, np.ndarray) and images.nbytes < SMALL and device() != "cpu":
        return OnDevice(images)
    return images


def ahead(images: Images, takes: Iterable[Array]) -> Iterator[Array]:
    """Yields `images[take]` for each of the takes, in order; what must be decoded is decoded in other threads.

    By tf.data under TensorFlow and by Grain elsewhere.
    """
    import keras

    if isinstance(images, np.ndarray | OnDevice):
        return (images[take] for take in takes)
    return (_by_tensorflow if keras.backend.backend() == "tensorflow" else _by_grain)(images, takes)


def beside(made: Iterator[Thing]) -> Iterator[Thing]:
    """Yields what an iterator yields, each made by another thread while its user is at the one before."""
    end: Any = object()
    other = ThreadPoolExecutor(1)
    try:
        following = other.submit(next, made, end)
        while (it := following.result()) is not end:
            following = other.submit(next, made, end)
            yield it
    finally:
        other.shutdown(wait=False, cancel_futures=True)  # whoever stops early does not wait for what it has no use for


def _by_tensorflow(images: Images, takes: Iterable[Array]) -> Iterator[Array]:
    import tensorflow as tf

    failed: list[BaseException] = []

    def read(take):
        try:
            return images[take]
        except BaseException as error:
            failed.append(error)
            raise

    options = tf.data.Options()
    options.threading.private_threadpool_size = 2  # TensorFlow's own has one thread, see `lab.runs.setup`
    chosen = tf.data.Dataset.from_generator(lambda: takes, output_signature=tf.TensorSpec([None], "int64"))
    # one call at a time: that is all that TensorFlow allows a Python function where it is deterministic
    batches = chosen.map(lambda take: tf.numpy_function(read, [take], images.dtype)).prefetch(AHEAD)
    try:
        yield from batches.with_options(options).as_numpy_iterator()
    except tf.errors.OpError:
        if failed:
            raise failed[0] from None
        raise


def _by_grain(images: Images, takes: Iterable[Array]) -> Iterator[Array]:
    import grain

    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=AHEAD)
    yield from grain.MapDataset.source(list(takes)).map(lambda take: images[take]).to_iter_dataset(options)


def kept(split: Split, where: str, folder: Path) -> Split:
    """The split with its images decoded once and for all, where that is wanted.

    Args:
        where: `memory`, `disk` (in a file of `folder`, read from there at random), `none`, or `auto`: in
            memory if they take less than 1 GB there.
    """
    size = int(np.prod(split.images.shape)) * split.images.dtype.itemsize
    if where == "none" or (where == "auto" and size > SMALL):
        return split
    decoded = partial(_decoded, folder=folder if where == "disk" else None, split=split)
    return replace(split, images=decoded(split.images, ""), labels=decoded(split.labels, "-masks"))


def _decoded(images: Any, what: str, folder: Path | None, split: Split) -> Any:
    """All images as an array: in memory, or in a file of the folder that is named after the split's content."""
    if isinstance(images, np.ndarray):
        return images
    if folder is None:
        return _filled(images, np.empty(images.shape, images.dtype))
    file = folder / f"{split.digest}{what}.npy"
    if not file.exists():
        from lab.files import replacing

        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as unfinished:
            _filled(images, np.lib.format.open_memmap(unfinished, "w+", images.dtype, images.shape)).flush()
    return np.load(file, mmap_mode="r", allow_pickle=False)


def _filled(images: Images, into: Any) -> Any:
    takes = [take[:real] for take, real in eval_batches(len(images), BATCH)]
    with over("decoding", len(images)) as advance:
        for take, batch in zip(takes, ahead(images, takes), strict=True):
            into[take] = batch
            advance(len(take))
    return into
