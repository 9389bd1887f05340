"""`compa configs copy`: writes a shipped recipe to a file, to be edited and passed to `compa fit --config`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compa.configs import find_recipe
from compa.utils.arguments import CommandParser, add_overwrite
from compa.utils.files import write_whole


def main(arguments: Sequence[str]) -> int:
    """Runs `compa configs copy` and returns its exit code."""
    parser = CommandParser(
        "compa configs copy",
        "Copies a shipped training recipe, to be edited and passed to compa fit --config.",
        "compa configs copy recordings --out mine.yaml",
    )
    parser.add_argument("name", metavar="NAME", help="a recipe that compa configs list shows")
    parser.add_argument("--out", metavar="FILE", type=Path, help="(default: NAME.yaml in the current folder)")
    add_overwrite(parser)
    options = parser.parse_args(arguments)
    print(f"wrote {copy_recipe(options.name, options.out, overwrite=options.overwrite)}")
    return 0


def copy_recipe(name: str, out: Path | None = None, *, overwrite: bool = False) -> Path:
    """Copies a shipped recipe.

    Args:
        name: Of the recipe.
        out: The file to write; by default the recipe's own file name in the current folder.
        overwrite: Whether a file that exists is replaced.

    Returns:
        The written file.

    Raises:
        ValueError: If there is no such recipe, or the file exists.
    """
    recipe = find_recipe(name)
    out = out or Path(recipe.name)
    if out.exists() and not overwrite:
        raise ValueError(f"{out} exists: add --overwrite to replace it, or --out to write another file")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, recipe.read_bytes())
    return out
