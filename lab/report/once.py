"""What takes long to work out, kept in results/.cache/report: read again, not worked out again."""

import json
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from lab.errors import BadInput
from lab.files import digest, write_atomically
from lab.records import store


def made(root: Path, given: Any, work: Callable[[], Any]) -> Any:
    """What `work` makes of what is given, JSON both; it depends on nothing else but its own module's code."""
    function = getattr(work, "func", work)
    code = sha256(Path(function.__code__.co_filename).read_bytes()).hexdigest()
    key = digest([code, function.__qualname__, given])
    path = store.cache(root, "report") / f"{key}.json"
    try:
        kept = json.loads(path.read_bytes())
        if kept["key"] == key and store.is_sealed(kept):
            return kept["made"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass  # as good as none
    found = work()
    with suppress(BadInput):  # where nothing can be written, it is worked out again the next time
        write_atomically(path, json.dumps(store.seal({"key": key, "made": found})))
    return found
