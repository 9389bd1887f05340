"""CSV with a header, separated by commas, semicolons or tabs; columns are found by their names, or mapped."""

from __future__ import annotations

from pathlib import Path

from compa.data.formats import Items
from compa.data.tables import ColumnMap, add_table_options, clips_of_rows
from compa.utils.text_rows import delimited_rows

ABOUT = "a CSV with a header: a row a caption (--map FIELD=COLUMN for other column names)"
add_arguments = add_table_options


def read(source: str, audio: Path | None = None, map: ColumnMap = ()) -> Items:
    """Yields a clip for all rows of a sound file, or of a clip where no file is named."""
    return clips_of_rows(delimited_rows(Path(source)), Path(source), audio, map)
