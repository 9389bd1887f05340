"""Review sheets: people fill in a table of negatives, and how often these are false and fluent is estimated."""

from __future__ import annotations

import csv
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from compa.utils.files import is_file
from compa.utils.text_rows import Row, delimited_rows, whole_rows
from negatives.sample import Example

QUESTIONS = ("false", "fluent")
"""Is the negative false of the caption? Is it fluent English?"""
COLUMNS = (*Example._fields, *QUESTIONS, "reviewer")
_YES, _NO = ("y", "yes", "1", "true"), ("n", "no", "0", "false")

Key = tuple[str, str, str, str]
Answers = dict[Key, dict[str, bool]]
"""By negative: the questions that were answered, and whether by yes."""


def write_review_sheet(path: Path, examples: Iterable[Example]) -> None:
    """Writes a table to fill in: y or n in the columns of the questions, a name in `reviewer`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows([*map(_as_text, example), *[""] * (len(QUESTIONS) + 1)] for example in examples)


def read_review_sheets(paths: Sequence[Path]) -> dict[str, Answers]:
    """The answers of every reviewer; one who gave no name is called after the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing, or an answer is neither yes nor no, naming the line.
    """
    answers: defaultdict[str, Answers] = defaultdict(dict)
    for path in paths:
        if not is_file(path):
            raise FileNotFoundError(f"{path}: no such review sheet: `generate` and `check` write one by --review-sheet")
        rows = delimited_rows(path, COLUMNS[:-1], errors="replace")  # spreadsheets may save them in another encoding
        for row in whole_rows(rows, "fill in a table of --review-sheet"):
            reviewer = row.cells.get("reviewer") or path.stem
            key = (row.cells["clip"], row.cells["of"], row.cells["negative"], row.cells["kind"])
            answers[reviewer][key] = _answers(row)
    return answers


def summary(answers: Mapping[str, Answers]) -> str:
    """Fractions of yes with 95 % intervals, over all and by kind, and the agreement of every two reviewers.

    Raises:
        ValueError: If no question was answered.
    """
    lines = []
    for question in QUESTIONS:
        given = [
            (key[-1], answered[question])
            for sheet in answers.values()
            for key, answered in sheet.items()
            if question in answered
        ]
        if not given:
            raise ValueError(f"no answer in the column {question!r}: fill it with y or n")
        lines.append(f"{question}: {_fraction([yes for _, yes in given])}")
        for kind in sorted({kind for kind, _ in given}):
            lines.append(f"  {kind}: {_fraction([yes for other, yes in given if other == kind])}")
    for (one, first), (two, second) in itertools.combinations(sorted(answers.items()), 2):
        for question in QUESTIONS:
            both = [
                (first[key][question], second[key][question])
                for key in first
                if question in first[key] and question in second.get(key, {})
            ]
            if both:
                agreed = sum(a == b for a, b in both) / len(both)
                value = kappa(both)
                words = "undefined (all answers equal)" if value is None else f"{value:.3f}"
                lines.append(
                    f"{one} and {two}, {question}: agree on {agreed:.1%} of {len(both)}, Cohen's kappa {words}"
                )
    return "\n".join(lines)


def kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """Cohen's kappa: agreement beyond chance, 1 at most; None where chance alone agrees on everything.

    Example:
        >>> kappa([(True, True), (True, True), (False, False), (False, True)])
        0.5
    """
    num = len(pairs)
    observed = sum(a == b for a, b in pairs) / num
    first, second = sum(a for a, _ in pairs) / num, sum(b for _, b in pairs) / num
    chance = first * second + (1 - first) * (1 - second)
    return None if chance == 1 else (observed - chance) / (1 - chance)


def _fraction(answers: Sequence[bool]) -> str:
    from scipy.stats import binomtest

    yes, num = sum(answers), len(answers)
    interval = binomtest(yes, num).proportion_ci(method="wilson")
    return f"{yes / num:.1%} of {num} [{interval.low:.1%}, {interval.high:.1%}]"


def _answers(row: Row) -> dict[str, bool]:
    """The questions that a row answers, and whether by yes."""
    words = {question: row.cells[question].lower() for question in QUESTIONS}
    for word in words.values():
        if word and word not in _YES + _NO:
            raise ValueError(f"{row.where}: an answer must be y, n or empty; got {word!r}")
    return {question: word in _YES for question, word in words.items() if word}


def _as_text(value: object) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
