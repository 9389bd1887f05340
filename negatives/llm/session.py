"""What a run asks of models: the generator, the judge, the journal between them, and a summary of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from negatives.generator import Generator, Request
from negatives.llm.budget import Budget
from negatives.llm.client import Model, RetryingClient
from negatives.llm.estimate import estimate
from negatives.llm.generator import LanguageModel
from negatives.llm.journal import Journal
from negatives.llm.judge import Judge
from negatives.llm.mock import NAME as MOCK
from negatives.llm.mock import MockModel
from negatives.llm.openai_server import OpenAIServer
from negatives.llm.options import RULES, ModelOptions
from negatives.llm.scheduler import RequestScheduler
from negatives.sources import read_clips


@dataclass
class Session:
    """The models of a run.

    Attributes:
        generator: Proposes candidates.
        judge: Gives a second opinion, or None.
        scheduler: Sends the requests, or None where only rules are used.
    """

    generator: Generator
    judge: Judge | None = None
    scheduler: RequestScheduler | None = None

    def notes(self) -> list[tuple[str, str]]:
        """What was sent, what it used, and what failed, as (name, value)."""
        if self.scheduler is None:
            return []
        client = self.scheduler.client
        notes = [
            ("sent", str(client.budget.used + client.budget.reserved)),
            (f"already in {self.scheduler.journal.path.name}", f"{self.scheduler.num_from_journal} answers"),
        ]
        notes += [(f"failed, {reason}", f"{count} requests") for reason, count in sorted(client.failures.items())]
        reasons = sorted(self.scheduler.reasons.items())
        notes += [(f"no answer on {prompt}, {reason}", f"{count} captions") for (prompt, reason), count in reasons]
        if self.judge:
            verdicts = ", ".join(f"{verdict} {count}" for verdict, count in sorted(self.judge.controls.items()))
            notes.append(("the judge on statements that are true", verdicts or "not asked"))
        return notes

    def require_served(self, num_served: int) -> None:
        """Makes a run in which a model was asked for nothing a failure.

        Args:
            num_served: Captions that have a negative.

        Raises:
            ValueError: If a model was asked, and no caption is served.
        """
        if self.scheduler is None:
            return
        has_proposed = not isinstance(self.generator, LanguageModel) or self.generator.num_proposals > 0
        if num_served and has_proposed:
            return
        reasons = ", ".join(f"{reason} {count}" for (_, reason), count in self.scheduler.reasons.most_common(3))
        last = self.scheduler.client.unreadable
        raise ValueError(
            f"a model was asked, and not one caption got a negative ({reasons or 'all that it proposed was refused'}"
            f"{f'; the last answer that could not be read begins {last!r}' if last else ''}): see the counts above, "
            "then take another model or other --kinds"
        )


@contextmanager
def open_session(options: ModelOptions, rules: Generator, journal: Path) -> Iterator[Session]:
    """Opens the models that the options name; nothing is opened for rules alone.

    Args:
        options: Which models, and where.
        rules: The generator for `model="rules"`.
        journal: File of the answers.

    Raises:
        ValueError: If something is missing or contradicts, or answers of a batch have not been collected.
    """
    if not options.names:
        yield Session(rules)
        return
    with open_scheduler(options, journal) as scheduler:
        if batches := scheduler.journal.open_batches():
            raise ValueError(
                f"{journal} waits for batch {batches[0]}: run `compa negatives batch collect --journal {journal}` "
                "first, so that nothing is paid for twice"
            )
        generator, judge = rules, None
        if options.model != RULES:
            generator = LanguageModel(scheduler, options.settings(options.model), options.captions_per_request)
        if options.judge:
            judge = Judge(scheduler, options.settings(options.judge), options.seed)
        yield Session(generator, judge, scheduler)


def open_scheduler(options: ModelOptions, journal: Path) -> RequestScheduler:
    """Opens server and journal; to be closed by `with`.

    Raises:
        ValueError: If there is no key, the journal is not one, or options contradict each other.
    """
    if MOCK in options.names and options.asks_server:
        other = (options.names - {MOCK}).pop()
        raise ValueError(f"{MOCK!r} and {other!r} are not at one server: give --judge mock, or none")
    budget = Budget(options.max_requests, options.max_tokens)
    model: Model = OpenAIServer(options.base_url, options.timeout) if options.asks_server else MockModel()
    client = RetryingClient(model, budget, options.max_unreadable)
    return RequestScheduler(client, Journal(journal), options.concurrency)


def forecast(options: ModelOptions, requests: Iterable[Request], journal: Path) -> str | None:
    """What a run will take beyond what its journal holds, or None where no server is asked."""
    if not options.asks_server:
        return None
    settings = None if options.model == RULES else options.settings(options.model)
    with closing(Journal(journal)) if journal.exists() else nullcontext() as known:
        return estimate(requests, settings, options.captions_per_request, known, options.judge is not None)


def requests_of(source: Path, kinds: tuple[str, ...], num: int, seed: int) -> Iterator[Request]:
    """What is wanted of every caption of a file.

    Args:
        source: Captions, as `negatives.sources.read_clips` reads them.
        kinds: Kinds of negatives and levels of positives.
        num: Negatives per caption.
        seed: Of the requests.
    """
    for clip in read_clips(source):
        for of, text in enumerate(clip.captions):
            yield Request(text, kinds, num, seed, clip.id, of)


def default_journal(out: Path) -> Path:
    """Beside the manifest."""
    return out.with_name(f"{out.stem}.journal.sqlite")
