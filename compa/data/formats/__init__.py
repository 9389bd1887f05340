"""One format of captioned audio a file: a module here that has a `read` is a format, named after its file.

Such a module has three names: `ABOUT` (what it reads, in words), `add_arguments(parser)` for options of its own, and
`read(source, ...)`, whose further parameters are named after its options. It yields a `Clip` or, for what is broken, a
`RowError`. A clip's `audio` is the path where its sound file is or should be; import makes it relative to the
manifest. Texts come through `compa.data.captions`.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any, Protocol, cast

from compa.manifest import Clip
from compa.utils.text_rows import RowError

Items = Iterable[Clip | RowError]


class Format(Protocol):
    """What a module of this package is."""

    ABOUT: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds the format's own options; `source`, `--out`, `--split` and `--overwrite` are there for all."""

    def read(self, source: str, **options: Any) -> Items:
        """Yields the clips of a source, and what is wrong with its other parts.

        A parameter `out` or `split` gets the value of that option.
        """


def formats() -> dict[str, Format]:
    """Every format by the name that users call it ("audioset-strong")."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return {name.replace("_", "-"): cast(Format, module) for name, module in modules.items() if hasattr(module, "read")}
