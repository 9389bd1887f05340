"""The files of the CompA benchmarks, as their authors' archives unzip and as one Parquet table on the hub.

An archive holds a CSV beside a folder of sounds. A row is an item: two captions and two sounds that share every
event, and for some a third of both (`-` where there is none). In the CSV of CompA-attribute the names of the sounds
stand in the second columns of their names (`pair_file.1`); the first ones hold the YouTube videos they come from.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.models.names import did_you_mean
from benchmarks.tasks import Item, Material, TestSet
from benchmarks.tasks.compa_parquet import is_parquet, parquet_drafts
from benchmarks.tasks.pairs import PairTask, leaks_of
from benchmarks.tasks.raw_item import Draft
from benchmarks.tasks.sound_files import fingerprint, flaws_of, left_out, shortened
from compa.data.audio_folder import youtube_url
from compa.utils.text_rows import Row, RowError, delimited_rows

SIDES = ("pair", "reversed_pair", "triplet")
"""The captions of an item stand in the columns `<side>_caption`, its sounds in `<side>_file`."""
NOTHING = ("", "-")
_VIDEO = re.compile(r"[\w-]{11}")


@dataclass(frozen=True)
class CompaTask(PairTask):
    """A published benchmark of pairs, some of them with a third.

    An item counts when all its files are there and can be read, the third of a triplet too: what lacks one is in
    neither protocol, so that both are of the same items.

    Attributes:
        csv: Name of the table.
        folder: Name of the folder of sounds beside it.
        num_triplets: How many items have a third.
    """

    csv: str
    folder: str
    num_triplets: int

    def items(self, material: Material, limit: int | None = None) -> list[Item]:
        """The items, or the first `limit` of them."""
        return list(self.prepare(material, limit).items)

    def prepare(self, material: Material, limit: int | None = None) -> TestSet:
        """Reads the files and says which are missing.

        Raises:
            ValueError: If there is no such table, it lacks a column, or no item is complete.
        """
        if material.data is None:
            raise ValueError(
                f"{self.name} needs the benchmark's own files: give --data DIR with {self.csv} and {self.folder}/ in it"
            )
        drafts, kept = self._drafts(material.data)
        drafts, warnings = _distinct(drafts)
        warnings += self._about_size(drafts)
        some = _looked_at(drafts[:limit])
        whole = [draft for draft in some if draft.flaw is None]
        warnings += left_out([draft.name for draft in some], [draft.flaw for draft in some], "items")
        if not whole:
            raise ValueError(f"{self.name} finds no complete item in {material.data}: {warnings[-1]}")
        items = [_item(self.name, draft) for draft in whole]
        data = {
            "name": self.name.replace("compa", "CompA"),
            "fingerprint": fingerprint(
                (draft.captions for draft in whole), [path for draft in whole for path in draft.files]
            ),
            "found": len(items),
            "expected": len(drafts),
            "triplets": sum(len(item.audio) > 2 for item in items),
        }
        return TestSet(items, data | ({"warnings": warnings} if warnings else {}), leaks_of(items), kept)

    def _drafts(self, data: Path) -> tuple[list[Draft], object]:
        """The items that the files name, and what has to be kept while they are used."""
        if is_parquet(data):
            return parquet_drafts(data)
        table = self._table(data)
        folder = table.parent / self.folder
        return list(_csv_drafts(table, folder if folder.is_dir() else table.parent)), None

    def _table(self, data: Path) -> Path:
        """The CSV: itself, in this folder, one above (this is the folder of sounds) or one below (of the archive)."""
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

    def _about_size(self, drafts: Sequence[Draft]) -> list[str]:
        triplets = sum(len(draft.captions) > 2 for draft in drafts)
        if (len(drafts), triplets) == (self.expected, self.num_triplets):
            return []
        return [
            f"{len(drafts)} items with {triplets} triplets are not the {self.expected} with {self.num_triplets} that "
            f"were published, so scores cannot be compared with published ones"
        ]


def _csv_drafts(table: Path, folder: Path) -> Iterator[Draft]:
    columns: tuple[dict[str, str], ...] = ()
    for row in delimited_rows(table, number_repeated=True):
        if isinstance(row, RowError):
            raise ValueError(f"{row}: mend the row, or take the published file")
        cells = {name.lower(): cell for name, cell in row.cells.items()}
        columns = columns or _columns(table, cells)
        yield _draft(Row(cells, row.where.removeprefix(f"{table}, ")), columns, folder)
    if not columns:
        raise ValueError(f"{table} has no rows below its header: take the published file")


def _columns(table: Path, names: Iterable[str]) -> tuple[dict[str, str], ...]:
    """For each side that the table has, the columns of `caption` and `file`, and of `video` where there is one."""
    names = list(names)
    found = []
    for side in SIDES:
        caption, file, local = f"{side}_caption", f"{side}_file", f"{side}_file.1"
        if side == SIDES[2] and not {caption, file} & set(names):
            continue
        for needed in (caption, file):
            if needed not in names:
                near = did_you_mean(needed, names) or f" (it has {', '.join(filter(None, names))})"
                raise ValueError(f"{table} has no column {needed!r}{near}")
        found.append({"caption": caption, "file": local, "video": file} if local in names else
                     {"caption": caption, "file": file})  # fmt: skip
    return tuple(found)


def _draft(row: Row, columns: Sequence[dict[str, str]], folder: Path) -> Draft:
    given = [{what: str(row.cells[name]) for what, name in side.items()} for side in columns]
    first_two, third = given[:2], [side for side in given[2:] if not {side["caption"], side["file"]} <= set(NOTHING)]
    sides = first_two + third
    lacking = next((what for side in sides for what in ("caption", "file") if side[what] in NOTHING), None)
    return Draft(
        name=Path(given[0]["file"]).stem or row.where,
        captions=tuple(side["caption"] for side in sides),
        files=tuple(folder / side["file"] for side in sides),
        sources=tuple(_source(side) for side in sides),
        where=row.where,
        flaw=f"{row.where}: it lacks a {lacking}" if lacking else None,
    )


def _source(side: dict[str, str]) -> str:
    video = side.get("video", "")
    return youtube_url(video) if _VIDEO.fullmatch(video) else video if video not in NOTHING else Path(side["file"]).name


def _distinct(drafts: Sequence[Draft]) -> tuple[list[Draft], list[str]]:
    """The items without those that stand there twice, and what is to be said of it."""
    firsts: dict[tuple[Path, ...], Draft] = {}
    repeated = []
    for draft in drafts:
        if firsts.setdefault(draft.files, draft) is not draft:
            repeated.append(f"{draft.where} repeats {firsts[draft.files].where}")
    warnings = [f"items that stand there twice count once: {shortened(repeated)}"] if repeated else []
    names = Counter(draft.name for draft in firsts.values())
    return [
        replace(draft, name=f"{draft.name} of {draft.where}") if names[draft.name] > 1 else draft
        for draft in firsts.values()
    ], warnings


def _looked_at(drafts: Sequence[Draft]) -> list[Draft]:
    """The items, with what is wrong with each."""
    flaws = iter(flaws_of([path for draft in drafts for path in draft.files]))
    looked_at = []
    for draft in drafts:
        wrong = [f"{path.name} is {flaw}" for path, flaw in zip(draft.files, flaws, strict=False) if flaw]
        for what, things in (("captions", draft.captions), ("files", draft.files)):
            if len(set(things)) < len(things):
                wrong.insert(0, f"two of its {what} are the same")
        looked_at.append(replace(draft, flaw=draft.flaw or (wrong[0] if wrong else None)))
    return looked_at


def _item(task: str, draft: Draft) -> Item:
    return Item(
        id=f"{task}-{draft.name}",
        audio=draft.files,
        captions=draft.captions,
        labels=(),
        recordings=tuple(path.name for path in draft.files),
        sources=draft.sources,
    )
