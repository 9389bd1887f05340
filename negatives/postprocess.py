"""What is done with a manifest that has negatives: measure its text leak, balance it, write a report.

from negatives.postprocess import balance, inspect

for leak in inspect("manifest.jsonl").leaks:
    print(leak.kind, leak.auc)
balance("manifest.jsonl", "balanced.jsonl")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from compa.manifest import read_manifest, write_manifest
from negatives.pipeline import Tally
from negatives.sample import Sample

if TYPE_CHECKING:
    from negatives.checks.balance import Balance
    from negatives.checks.text_leak import TextLeak

SAMPLE = 10_000
"""Negatives of a kind that are examined, however many there are."""
MAX_PASSES = 6
BALANCE = "balance"
"""The reason under which negatives that balancing drops are counted."""


@dataclass(frozen=True)
class Inspection:
    """What was found out about a manifest.

    Attributes:
        tally: What it contains, and what balancing dropped.
        sample: Examples of its negatives.
        leaks: The text leak of every kind.
        leaks_before: The same before balancing, by kind; empty where nothing was balanced.
    """

    tally: Tally
    sample: Sample
    leaks: list[TextLeak]
    leaks_before: Mapping[str, TextLeak] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """A line for each kind: AUC, number of pairs, telltale n-grams."""
        for leak in self.leaks:
            old, dropped = self.leaks_before.get(leak.kind), self.tally.refused[leak.kind, BALANCE]
            before = f", before {old.auc:.3f} ({dropped} dropped)" if old and old.auc is not None else ""
            auc = "too few to measure" if leak.auc is None else f"AUC {leak.auc:.3f}"
            grams = ", ".join(f"{gram!r} {more}:{less}" for gram, more, less in leak.telltale_ngrams[:4])
            found = f"{auc}{before}, {leak.pairs} examined; {grams}" if leak.pairs else f"none left{before}"
            yield f"text leak, {leak.kind}: {found}"

    def warnings(self) -> Iterator[str]:
        """What balancing could not achieve or verify."""
        from negatives.checks.balance import MAX_AUC
        from negatives.checks.text_leak import MIN_PAIRS

        gone = [leak.kind for leak in self.leaks if not leak.pairs]
        few = [f"{leak.kind} {leak.pairs}" for leak in self.leaks if leak.pairs and leak.auc is None]
        leaking = [f"{leak.kind} {leak.auc:.3f}" for leak in self.leaks if leak.auc is not None and leak.auc > MAX_AUC]
        if gone:
            yield f"balance: none left of {', '.join(gone)}: their words alone gave them away"
        if few:
            yield (
                f"balance: too few to measure whether words give them away, so all are kept: {', '.join(few)}; "
                f"give captions for at least {MIN_PAIRS} of each, or leave the kinds out"
            )
        if leaking:
            yield f"balance: words alone still give these away (AUC): {', '.join(leaking)}; leave the kinds out"


def inspect(manifest: str | Path, *, seed: int = 0) -> Inspection:
    """Counts what a manifest contains and measures the text leak of its negatives, in one pass.

    Args:
        manifest: With negatives.
        seed: Of the sample that is examined.
    """
    from negatives.checks.text_leak import text_leaks

    tally, sample = Tally(), Sample(SAMPLE, seed)
    for _ in sample.watch(tally.watch(read_manifest(manifest))):
        pass
    return Inspection(tally, sample, text_leaks(sample.pairs))


def balance(source: str | Path, out: str | Path, *, seed: int = 0) -> Inspection:
    """Writes a manifest without the negatives that give themselves away by their words.

    What to drop is learned from a sample. A sample teaches little about rare words, so what would be left is sampled
    anew until nothing more is to be dropped. Of a kind of which too few would be left to measure, all are dropped.
    The source is read once per sample and once to write.

    Args:
        source: A manifest with negatives.
        out: The manifest to write; it may be `source`.
        seed: Of the samples, and of which of two equal negatives is dropped.

    Returns:
        The inspection of the new manifest; `tally.refused` counts what was dropped.
    """
    from negatives.checks.balance import drop
    from negatives.checks.text_leak import TextLeak, text_leaks

    balances: list[dict[str, Balance]] = []
    before: dict[str, TextLeak] = {}
    for number in range(MAX_PASSES):
        dropped: Counter[str] = Counter()
        sample = Sample(SAMPLE, seed + number)
        for _ in sample.watch(drop(read_manifest(source), balances, dropped)):
            pass
        before = before or {leak.kind: leak for leak in text_leaks(sample.pairs)}
        learned = _learn(sample, dropped, number)
        if not learned:
            break
        balances.append(learned)
    dropped, tally, sample = Counter(), Tally(), Sample(SAMPLE, seed)
    write_manifest(out, sample.watch(tally.watch(drop(read_manifest(source), balances, dropped))))
    tally.refused.update({(kind, BALANCE): count for kind, count in dropped.items()})
    leaks = {kind: TextLeak(kind, 0, None, ()) for kind in before}
    leaks |= {leak.kind: leak for leak in text_leaks(sample.pairs)}
    return Inspection(tally, sample, [leak for _, leak in sorted(leaks.items())], before)


def _learn(sample: Sample, dropped: Counter[str], number: int) -> dict[str, Balance]:
    """By kind, what else to drop; without the kinds of which nothing more is dropped."""
    from negatives.checks.balance import Balance, learn
    from negatives.checks.text_leak import MIN_PAIRS

    learned = {
        kind: Balance(drops_all=True) if len(pairs) < MIN_PAIRS and dropped[kind] else learn(pairs, salt=number)
        for kind, pairs in sample.pairs.items()
    }
    return {kind: balance for kind, balance in learned.items() if balance.drops_any}
