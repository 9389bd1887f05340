"""What a run asks of models: the generator, the judge, the journal between them, and what to tell of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from negatives.generator import Generator, Request
from negatives.llm import options as given
from negatives.llm.batch import OPEN
from negatives.llm.estimate import estimate
from negatives.llm.journal import Journal
from negatives.llm.judge import Judge
from negatives.llm.mock import NAME as MOCK
from negatives.llm.scheduler import Asker
from negatives.sources import read_clips

RULES = "rules"


@dataclass
class Session:
    """The models of a run.

    Attributes:
        generator: Proposes candidates.
        judge: Gives a second opinion, or None.
        asker: Asks them, or None where all is done by rules.
    """

    generator: Generator
    judge: Judge | None = None
    asker: Asker | None = None

    def notes(self) -> list[tuple[str, str]]:
        """What was sent, what it took, and what failed, as (name, value)."""
        if self.asker is None:
            return []
        budget = self.asker.courier.budget
        spent = budget.spent
        took = f"{spent.requests} requests, {spent.tokens_in} tokens in prompts, {spent.tokens_out} in answers"
        notes = [("sent", f"{took}{f', {budget.cost:.2f} spent' if budget.cost else ''}")]
        notes += [(f"already in {self.asker.journal.path.name}", f"{self.asker.from_journal} answers")]
        failures = sorted(self.asker.courier.failures.items())
        notes += [(f"failed, {reason}", f"{count} requests") for reason, count in failures]
        reasons = sorted(self.asker.reasons.items())
        notes += [(f"no answer on {prompt}, {reason}", f"{count} captions") for (prompt, reason), count in reasons]
        if self.judge:
            said = ", ".join(f"{verdict} {count}" for verdict, count in sorted(self.judge.controls.items()))
            notes.append(("the judge on statements that are true", said or "not asked"))
        return notes


@contextmanager
def open_session(options: argparse.Namespace, rules: Generator) -> Iterator[Session]:
    """Opens what `--model` and `--judge` name; nothing is opened for rules alone.

    Raises:
        ValueError: If something is missing or contradicts, or answers of a batch have not been collected.
    """
    if options.model == RULES and options.judge is None:
        yield Session(rules)
        return
    with given.open_asker(options, options.journal or default_journal(options.out)) as asker:
        _refuse_open_batches(asker)
        generator = rules if options.model == RULES else given.generator(options, asker)
        yield Session(generator, given.judge(options, asker) if options.judge else None, asker)


def forecast(options: argparse.Namespace, journal: Path) -> str | None:
    """What a run will take beyond what its journal holds, or None where no server is asked."""
    if {options.model, options.judge} <= {RULES, MOCK, None}:
        return None
    asks = None if options.model == RULES else given.settings(options, options.model)
    judged, size, prices = options.judge is not None, options.captions_per_request, given.prices(options)
    with closing(Journal(journal)) if journal.exists() else nullcontext() as known:
        return str(estimate(requests_of(options), asks, size, known, prices, judged))


def requests_of(options: argparse.Namespace) -> Iterator[Request]:
    """What is wanted of every caption of the input."""
    kinds = (*options.kinds, *options.levels)
    for clip in read_clips(options.input):
        for of, text in enumerate(clip.captions):
            yield Request(text, kinds, options.num, options.seed, clip.id, of)


def default_journal(out: Path) -> Path:
    """Beside the manifest."""
    return out.with_name(f"{out.stem}.journal.sqlite")


def _refuse_open_batches(asker: Asker) -> None:
    rows = asker.journal.connection().execute("SELECT id FROM batches WHERE state = ?", (OPEN,)).fetchall()
    if rows:
        path = asker.journal.path
        raise ValueError(
            f"{path} waits for batch {rows[0][0]}: run `compa negatives batch collect --journal {path}` first, "
            "so that nothing is paid for twice"
        )
