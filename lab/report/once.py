"""What takes long to work out, kept in results/.cache/report: read again, not worked out again."""

import json
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from lab.errors import BadInput
from lab.files import digest, write_atomically
from lab.records import store


def made(root: Path, given: Any, work: Callable[[], Any], *by: ModuleType) -> Any:
    """What `work` makes of what is given, JSON both; it depends on nothing else but the code of the modules."""
    key = digest([[sha256(Path(str(module.__file__)).read_bytes()).hexdigest() for module in by], given])
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
