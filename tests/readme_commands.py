"""Commands and Python examples as the READMEs and the recipes' headers show them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """The language (empty for commands) and the content of each fenced block."""
    yield from _FENCED.findall(text)


def commands(block: str) -> Iterator[list[str]]:
    """The words of each command of a block, without comments; lines that end in a backslash are joined."""
    for line in block.replace("\\\n", " ").splitlines():
        for command in re.split(r"\s&&\s|;\s", re.sub(r"(^|\s)#.*", "", line)):
            if words := shlex.split(command):
                yield words


def documented(path: Path) -> Iterator[list[str]]:
    """All commands of a Markdown file, or of the header of a recipe."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yaml":
        header = [line[1:] for line in text.splitlines() if line.startswith("#")]
        text = "```\n" + "\n".join(line[3:] for line in header if line.startswith("   ")) + "\n```"
    for language, block in blocks(text):
        if not language:
            yield from commands(block)
