"""The CompA benchmarks, from their authors' unzipped archives or from one Parquet table on the hub.

An archive holds a CSV beside a folder of sounds. A row is an item: two captions and two sounds with the same events,
and for some items a third of both (else `-`). In the CSV of CompA-attribute each name of a column occurs twice: the
file names are in the second one (`pair_file.1`), the first one holds the YouTube video.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.items import Item
from benchmarks.tasks.compa_parquet import is_parquet, parquet_items
from benchmarks.tasks.pairs import PairTask, leaks_of
from benchmarks.tasks.raw_item import RawItem
from benchmarks.tasks.sound_files import fingerprint, flaws_of, left_out, shortened
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.data.audio_folder import youtube_url
from compa.utils.text import did_you_mean
from compa.utils.text_rows import delimited_rows, whole_rows

SIDES = ("pair", "reversed_pair", "triplet")
"""The captions of an item are in the columns `<side>_caption`, its sounds in `<side>_file`."""
NOTHING = ("", "-")
_VIDEO = re.compile(r"[\w-]{11}")


@dataclass(frozen=True)
class CompaTask(PairTask):
    """A published benchmark of pairs and triplets.

    An item counts if all its files are there and readable, including the third of a triplet. An incomplete item is
    left out of both protocols, pairs and triplets, so that both measure the same items.

    Attributes:
        csv: Name of the table.
        folder: Name of the folder of sounds beside it.
        num_triplets: How many items are triplets.
    """

    csv: str
    folder: str
    num_triplets: int

    def items(self, inputs: TaskInputs, limit: int | None = None) -> list[Item]:
        """The items, or the first `limit` of them."""
        return list(self.prepare(inputs, limit).items)

    def prepare(self, inputs: TaskInputs, limit: int | None = None) -> TestSet:
        """Reads the files and records which are missing.

        Raises:
            ValueError: If there is no such table, it lacks a column, or no item is complete.
        """
        if inputs.data is None:
            raise ValueError(
                f"{self.name} needs the published files: give --data DIR with {self.csv} and {self.folder}/ in it"
            )
        listed, kept = self._listed(inputs.data)
        listed, warnings = _distinct(listed)
        warnings += self._about_size(listed)
        some = _with_flaws(listed[:limit])
        complete = [item for item in some if item.flaw is None]
        warnings += left_out([item.name for item in some], [item.flaw for item in some], "items")
        if not complete:
            raise ValueError(f"{self.name} finds no complete item in {inputs.data}: {warnings[-1]}")
        items = [_item(self.name, raw) for raw in complete]
        data = {
            "name": self.name.replace("compa", "CompA"),
            "fingerprint": fingerprint(
                (item.captions for item in complete), [path for item in complete for path in item.files]
            ),
            "found": len(items),
            "expected": len(listed),
            "triplets": sum(len(item.audio) > 2 for item in items),
        }
        return TestSet(items, data | ({"warnings": warnings} if warnings else {}), leaks_of(items), kept)

    def _listed(self, data: Path) -> tuple[list[RawItem], object]:
        """The items that the files list, and what has to be kept while they are used."""
        if is_parquet(data):
            return parquet_items(data)
        table = self._table(data)
        folder = table.parent / self.folder
        return list(_csv_items(table, folder if folder.is_dir() else table.parent)), None

    def _table(self, data: Path) -> Path:
        """The CSV: `data` itself, in it, beside it (if it is the folder of sounds), or one folder below it."""
        if data.is_file():
            return data
        if not data.is_dir():
            raise ValueError(f"there is no {data}: give the folder with {self.csv} and {self.folder}/ in it")
        below = sorted(path for path in data.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
        for folder in (data, *([data.parent] if data.name == self.folder else []), *below):
            if (folder / self.csv).is_file():
                return folder / self.csv
        near = did_you_mean(self.csv, [path.name for path in data.iterdir()])
        raise ValueError(f"{data} holds no {self.csv}{near}: give the folder that has it beside {self.folder}/")

    def _about_size(self, listed: Sequence[RawItem]) -> list[str]:
        triplets = sum(len(item.captions) > 2 for item in listed)
        if (len(listed), triplets) == (self.expected, self.num_triplets):
            return []
        return [
            f"{len(listed)} items with {triplets} triplets, where {self.expected} with {self.num_triplets} were "
            "published: scores are not comparable with published ones"
        ]


def _csv_items(table: Path, folder: Path) -> Iterator[RawItem]:
    columns = tuple(f"{side}_{what}" for side in SIDES[:2] for what in ("caption", "file"))
    rows = delimited_rows(table, columns, number_repeated=True)
    row = None
    for row in whole_rows(rows, "correct the row, or use the published file"):
        yield _raw_item(row.cells, row.where.removeprefix(f"{table}, "), folder)
    if row is None:
        raise ValueError(f"{table} has no rows below its header: use the published file")


def _raw_item(cells: Mapping[str, str], where: str, folder: Path) -> RawItem:
    sides = []
    for side in SIDES:
        caption, file = (cells.get(f"{side}_{what}", "") for what in ("caption", "file"))
        local = cells.get(f"{side}_file.1")  # then the first column holds the video
        sides.append({"caption": caption, "file": file if local is None else local, "video": file if local else ""})
    if {sides[2]["caption"], sides[2]["file"]} <= set(NOTHING):
        del sides[2]
    lacking = next((what for side in sides for what in ("caption", "file") if side[what] in NOTHING), None)
    return RawItem(
        name=Path(sides[0]["file"]).stem or where,
        captions=tuple(side["caption"] for side in sides),
        files=tuple(folder / side["file"] for side in sides),
        sources=tuple(_source(side) for side in sides),
        where=where,
        flaw=f"{where}: the {lacking} is missing" if lacking else None,
    )


def _source(side: dict[str, str]) -> str:
    video = side["video"]
    return youtube_url(video) if _VIDEO.fullmatch(video) else video if video not in NOTHING else Path(side["file"]).name


def _distinct(listed: Sequence[RawItem]) -> tuple[list[RawItem], list[str]]:
    """The items without repeated ones, and a warning if there are any."""
    firsts: dict[tuple[Path, ...], RawItem] = {}
    repeated = []
    for item in listed:
        if firsts.setdefault(item.files, item) is not item:
            repeated.append(f"{item.where} repeats {firsts[item.files].where}")
    warnings = [f"repeated items count once: {shortened(repeated)}"] if repeated else []
    names = Counter(item.name for item in firsts.values())
    return [
        replace(item, name=f"{item.name} of {item.where}") if names[item.name] > 1 else item for item in firsts.values()
    ], warnings


def _with_flaws(listed: Sequence[RawItem]) -> list[RawItem]:
    """The items with the first flaw of each."""
    flaws = iter(flaws_of([path for item in listed for path in item.files]))
    checked = []
    for item in listed:
        wrong = [f"{path.name} is {flaw}" for path, flaw in zip(item.files, flaws, strict=False) if flaw]
        for what, things in (("captions", item.captions), ("files", item.files)):
            if len(set(things)) < len(things):
                wrong.insert(0, f"two of its {what} are the same")
        checked.append(replace(item, flaw=item.flaw or (wrong[0] if wrong else None)))
    return checked


def _item(task: str, raw: RawItem) -> Item:
    return Item(
        id=f"{task}-{raw.name}",
        audio=raw.files,
        captions=raw.captions,
        labels=(),
        recordings=tuple(path.name for path in raw.files),
        sources=raw.sources,
    )
