"""What a run asks of models: the generator, the judge, the journal between them, and what to tell of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from negatives.generator import Generator
from negatives.llm import options as given
from negatives.llm.asking import Asker
from negatives.llm.batch import OPEN
from negatives.llm.estimate import estimate
from negatives.llm.judge import Judge
from negatives.llm.mock import NAME as MOCK

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

    def report(self) -> list[str]:
        """Lines on what was sent, what it took, and what failed."""
        if self.asker is None:
            return []
        budget = self.asker.courier.budget
        spent = budget.spent
        took = f"{spent.requests} requests, {spent.tokens_in} tokens in prompts, {spent.tokens_out} in answers"
        lines = [f"{took}{f', {budget.cost:.2f} spent' if budget.cost else ''}"]
        lines += [f"  already in {self.asker.journal.path}: {self.asker.from_journal} answers"]
        failures = sorted(self.asker.courier.failures.items())
        lines += [f"  sent again, {reason}: {count} requests" for reason, count in failures]
        reasons = sorted(self.asker.reasons.items())
        lines += [f"  no answer on {prompt}, {reason}: {count} captions" for (prompt, reason), count in reasons]
        if self.judge:
            said = ", ".join(f"{verdict} {count}" for verdict, count in sorted(self.judge.controls.items()))
            lines.append(f"  the judge on statements that are true: {said or 'not asked'}")
        return lines


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


def forecast(options: argparse.Namespace, captions: Iterable[str]) -> str | None:
    """What a run will take, or None where no server is asked."""
    if {options.model, options.judge} <= {RULES, MOCK, None}:
        return None
    kinds = () if options.model == RULES else (*options.kinds, *options.levels)
    judged = Judge.STATEMENTS_PER_REQUEST if options.judge else None
    prices = given.prices(options)
    return str(estimate(captions, kinds, options.num, options.captions_per_request, prices, judged))


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
