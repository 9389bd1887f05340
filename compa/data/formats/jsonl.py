"""JSON Lines: a manifest of compa, or objects whose keys are found by their names, or mapped."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from compa.data.formats import Items
from compa.data.tables import COLUMNS, ColumnMap, add_table_options, clips_of_rows
from compa.manifest import Clip, build_clip
from compa.utils.text_rows import Row, RowError, json_rows

ABOUT = "JSON Lines: a manifest, or an object a clip or a caption (--map FIELD=KEY for other keys)"
CLIP_KEYS = {field.name for field in fields(Clip)}
add_arguments = add_table_options


def read(source: str, audio: Path | None = None, map: ColumnMap = ()) -> Items:
    """Yields the clips of a manifest with all that it knows of them, and of other objects one for every sound file.

    An object with a clip's keys, and no other keys, is a manifest's unless keys are mapped.
    """
    path = Path(source)
    rows = json_rows(path)
    folder = audio or path.parent
    known = rows if map else (_clip(row, folder) if isinstance(row, Row) else row for row in rows)
    return clips_of_rows(known, path, folder, map)


def _clip(row: Row, folder: Path) -> Clip | Row | RowError:
    """The clip of a manifest's line; any other row is given back."""
    keys = row.cells.keys()
    if not {"id", "audio", "captions"} <= keys <= CLIP_KEYS:
        return row
    try:
        clip = build_clip(row.cells)
    except ValueError as error:
        says_more = keys - COLUMNS.keys() - {"captions"}  # than any table does: nothing of it may be dropped
        return RowError(row.where, str(error)) if says_more else row
    return replace(clip, audio=str(folder / clip.audio)) if clip.audio else clip
