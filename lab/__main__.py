"""`python -m lab`: lists the commands."""

import ast
import sys
from pathlib import Path

from lab import command


def main(argv: list[str]) -> int:
    command.parser("lab", "A lab that compares, fairly, the ways to transfer a pretrained network.").parse_args(argv)
    print(__doc__ and "python -m lab.COMMAND --help tells more:\n")
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *here.glob("*/__main__.py")]):
        name = path.parent.name if path.name == "__main__.py" else path.stem
        text = path.read_text(encoding="utf-8")
        if path != Path(__file__) and "command.call(main)" in text:
            summary = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0].split(": ", 1)[-1]
            print(f"  lab.{name:<12} {summary}")
    return 0


if __name__ == "__main__":
    sys.exit(command.call(main))
