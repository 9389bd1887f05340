"""JSON Lines, an object a clip or a caption; keys are found by their names, or mapped."""

from __future__ import annotations

import argparse
from pathlib import Path

from compa.data.formats import Items
from compa.data.tables import add_table_options, clips_of_rows
from compa.rows import json_rows

ABOUT = "JSON Lines, an object a clip; its caption may be a list (--map FIELD=KEY where keys do not tell)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--audio` and `--map`."""
    add_table_options(parser)


def read(source: str, options: argparse.Namespace) -> Items:
    """Yields a clip for every sound file, with the captions of all its objects."""
    path = Path(source)
    return clips_of_rows(json_rows(path), path, options)
