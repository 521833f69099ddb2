"""Which records the rows of the pages are of."""

from collections.abc import Iterator
from typing import Any

from lab.report import headline
from lab.report.site import Site

Record = dict[str, Any]


def holding(site: Site, text: str) -> list[tuple[str, list[str]]]:
    """(the row, the files of the records that its figures are of) of each row of the pages that holds a text."""
    said = [(" | ".join(cells).replace("**", ""), runs) for cells, runs in _rows(site)]
    return [(row, [f"results/{r['experiment']}/{r['name']}.json" for r in runs]) for row, runs in said if text in row]


def _rows(site: Site) -> Iterator[tuple[list[str], list[Record]]]:
    """(cells, records) of README's rows, and of those of each experiment, which say first whose they are."""
    for row in headline.rows_of(site):
        yield row.cells, row.records
    for name in site.experiments:
        for some in site.rows(name):
            for compared, figures, runs in zip(some.compared[1], some.figures[1], some.runs, strict=True):
                yield [name, some.data, *compared, *figures], runs
