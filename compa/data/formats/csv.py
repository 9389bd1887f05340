"""CSV with a header; columns are found by their names, or mapped."""

from __future__ import annotations

import argparse
from pathlib import Path

from compa.data.formats import Items
from compa.data.tables import add_table_options, clips_of_rows
from compa.rows import delimited_rows

ABOUT = "a CSV with a header: a row a caption (--map FIELD=COLUMN where column names do not tell)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--audio` and `--map`."""
    add_table_options(parser)


def read(source: str, options: argparse.Namespace) -> Items:
    """Yields a clip for every sound file, with the captions of all its rows."""
    path = Path(source)
    return clips_of_rows(delimited_rows(path, ","), path, options)
