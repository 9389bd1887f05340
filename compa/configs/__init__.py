"""The shipped training recipes: `configs/` in a checkout, part of the package once installed."""

from __future__ import annotations

from pathlib import Path

from compa.utils.text import unknown_name


def recipes() -> dict[str, Path]:
    """The shipped configuration files by name, in the order of their names."""
    package = Path(__file__).parent
    folders = (package / "recipes", package.parents[1] / "configs")  # a link, which some checkouts lack, and its target
    folder = next(folder for folder in folders if folder.is_dir())
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_recipe(name: str) -> Path:
    """The file of a recipe, named with or without `.yaml`.

    Raises:
        ValueError: If there is no such recipe.
    """
    found = recipes()
    stem = name.removesuffix(".yaml")
    if stem not in found:
        raise unknown_name("recipe", stem, found)
    return found[stem]


def summary(recipe: Path) -> str:
    """The first line of a recipe's header: what it trains."""
    with recipe.open(encoding="utf-8") as lines:
        return next(lines, "").removeprefix("#").strip()
