"""compa-attribute: the published CompA-attribute, whose captions differ in which event has which attribute."""

from __future__ import annotations

from benchmarks.tasks.compa_files import CompaTask

TASK = CompaTask(
    name="compa-attribute",
    version=1,
    measures="Recognizes which event has which attribute in real recordings, on the published CompA-attribute",
    needs="--data DIR with Compa-Attribute.csv and CompA_attribute_files/, or the hub's Parquet",
    expected=200,
    csv="Compa-Attribute.csv",
    folder="CompA_attribute_files",
    num_triplets=0,
)
