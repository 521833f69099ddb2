"""Arrays in NumPy's own format, as strangers send them: what they claim is held against what is there."""

import math
import tokenize
from typing import IO

import numpy as np

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def look(stream: IO[bytes], size: int) -> None:
    """Looks at the header of an array in a stream of so many bytes, before memory is taken for it.

    Raises:
        ValueError: it is none, holds objects, which may be code, or claims more values than there are bytes.
    """
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"it is of version {version[0]}.{version[1]} of the format; 1.0 and 2.0 are read")
    try:
        shape, _, kind = HEADERS[version](stream)
    except tokenize.TokenError as error:
        raise ValueError(f"its header is cut off: {error.args[0]}") from None
    if kind.hasobject:
        raise ValueError("it holds objects, which may be code; they are refused")
    if min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize > size:
        raise ValueError(f"it claims {math.prod(shape):,} values of {kind.itemsize} bytes, and has {size:,} bytes")
