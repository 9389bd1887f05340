"""compa-order: the published CompA-order, whose captions differ in the order of events."""

from __future__ import annotations

from benchmarks.tasks.compa_files import CompaTask

TASK = CompaTask(
    name="compa-order",
    version=1,
    measures="Recognizes the order of events in real recordings, on the published CompA-order",
    needs="--data DIR with CompA_order_benchmark.csv and CompA_order_files/, or the hub's Parquet",
    expected=400,
    csv="CompA_order_benchmark.csv",
    folder="CompA_order_files",
    num_triplets=100,
)
