"""TSV with a header; columns are found by their names, or mapped."""

from __future__ import annotations

from functools import partial

from compa.data.tables import add_table_options, reader_of
from compa.utils.text_rows import delimited_rows

ABOUT = "a TSV with a header: a row a caption (--map FIELD=COLUMN where column names do not tell)"
add_arguments = add_table_options
read = reader_of(partial(delimited_rows, delimiter="\t"))
