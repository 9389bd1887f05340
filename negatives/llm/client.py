"""Completes requests: retries within the budget, finds the format that a server accepts, and knows when to give up."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from negatives.llm.budget import Budget, Usage
from negatives.llm.errors import NO_CONNECTION, FatalServerError, InvalidRequestError, RetryableError, shown
from negatives.llm.request import FORMATS, ChatRequest
from negatives.llm.response import NO_ANSWER, OVER_BUDGET, ParsedResponse, all_failed, parse_response

MAX_ATTEMPTS = 8
"""Attempts per request."""
MAX_FAILED_REQUESTS = 3
"""Consecutive requests that may fail in all their attempts."""
MAX_WITHOUT_TEXT, MAX_WITHOUT_TEXT_LATER = 3, 6
"""Answers in a row that may hold no text of the model, before it has given one and after."""
RECENT_ANSWERS = 50
"""The circuit breaker looks at as many."""
FIRST_WAIT_SECONDS, MAX_BACKOFF_SECONDS, MAX_WAIT_SECONDS = 0.5, 60.0, 900.0
REPORT_SECONDS = 5.0


class Model(Protocol):
    """A server, or what stands in for one."""

    def send(self, request: ChatRequest, request_format: int) -> str:
        """Returns the body of a chat completion, or raises one of the three errors of `negatives.llm.errors`."""
        ...

    def close(self) -> None:
        """Frees what it holds."""
        ...


@dataclass
class _ModelState:
    """What is known of a model at the server."""

    request_format: int = 0
    untried: deque[int] = field(default_factory=lambda: deque(range(1, len(FORMATS))))
    has_answered: bool = False
    without_text: int = 0
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=RECENT_ANSWERS))
    probe: threading.Lock = field(default_factory=threading.Lock)


class RetryingClient:
    """Completes requests of several threads; what one of them learns of the server holds for all.

    Args:
        model: Answers.
        budget: What may be used.
        max_unreadable: The run ends when more than this fraction of a model's recent answers could not be read.
        first_wait: Seconds before the second attempt; they double with each further one.
        report: Is called with a sentence when requests keep failing; prints on stderr by default.

    Attributes:
        failures: Attempts that failed, by reason.
        num_answers: Responses with status 200.
        unreadable: The beginning of the last answer that could not be read.
    """

    def __init__(
        self,
        model: Model,
        budget: Budget,
        max_unreadable: float = 0.9,
        first_wait: float = FIRST_WAIT_SECONDS,
        report: Callable[[str], None] | None = None,
    ) -> None:
        self.model, self.budget = model, budget
        self.max_unreadable, self.first_wait, self.report = max_unreadable, first_wait, report or _print
        self.failures: Counter[str] = Counter()
        self.num_answers = 0
        self.unreadable = ""
        self._states: dict[str, _ModelState] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._not_before = self._next_report = 0.0
        self._failed_in_a_row = self._fruitless = 0
        self._last = self._verdict = ""

    def complete(self, request: ChatRequest, tries: int) -> tuple[str, ParsedResponse]:
        """Returns the raw answer and what it says; raw is empty where none came, and the results say why.

        Raises:
            FatalServerError: If nothing should be sent any more.
            CancelledError: If `stop` was called.
        """
        with self._lock:
            state = self._states.setdefault(request.settings.model, _ModelState())
        with _alone_until_it_has_answered(state):
            self.check()
            return self._complete(request, state, tries)

    def check(self) -> None:
        """Raises a FatalServerError if the answers so far say that nothing more should be sent.

        `complete` does so before it sends, not after: an answer that ends the run is kept, too.
        """
        if self._verdict:
            raise FatalServerError(self._verdict)

    def stop(self) -> None:
        """Ends the waits of all threads; nothing more is sent."""
        self._stopped.set()

    def _complete(self, request: ChatRequest, state: _ModelState, tries: int) -> tuple[str, ParsedResponse]:
        most = Usage(1, request.max_tokens_in, request.settings.max_answer_tokens)
        attempt = 0
        # Once a request has failed for good on a server that has never answered, further ones are sent only once.
        num_attempts = 1 if self._fruitless and not self.num_answers else MAX_ATTEMPTS
        while attempt < num_attempts:
            self._sleep(self._not_before - time.monotonic())
            if not self.budget.reserve(most):
                if self.failures and not self.num_answers:
                    raise FatalServerError(f"{self._no_answers()}, and the budget is used up: check it, then run again")
                return "", all_failed(OVER_BUDGET, len(request.items), tries)
            used = most
            try:
                raw = self.model.send(request, state.request_format)
                parsed = parse_response(raw, request.ids, request.prompt.schema, request.num, tries)
                used = _used(parsed, raw, request)
            except InvalidRequestError as error:
                used = Usage(1)
                if state.has_answered or not error.may_be_format:
                    parsed = replace(all_failed(error.reason, len(request.items), tries), text=error.raw)
                    self._count(parsed, state, request.settings.model)
                    return error.raw, parsed
                self._use_plainer_format(state, error)
                continue
            except RetryableError as error:
                used = most if error.is_lost else Usage(int(error.reason != NO_CONNECTION))
                wait = self._wait_after(error, state, attempt)
                attempt += 1
            else:
                self._learn_from(parsed, state, request.settings.model)
                self._count(parsed, state, request.settings.model)
                return raw, parsed
            finally:
                self.budget.commit(most, used)
            self._sleep(wait)
        with self._lock:
            self._fruitless += 1
        if self._fruitless >= MAX_FAILED_REQUESTS:
            if not self.num_answers:
                raise FatalServerError(f"{self._no_answers()}: check it, then run again")
            raise FatalServerError(f"the server does not answer any more (last: {self._last}): restart it, run again")
        return "", all_failed(NO_ANSWER, len(request.items), tries)

    def _use_plainer_format(self, state: _ModelState, error: InvalidRequestError) -> None:
        if not state.untried:
            said = f"{error.reason}: {shown(error.raw)}"
            raise FatalServerError(f"the server refuses every format of request ({said}): check --model")
        state.request_format = state.untried.popleft()

    def _wait_after(self, error: RetryableError, state: _ModelState, attempt: int) -> float:
        """Seconds before this request is sent again; what a server asks for holds for all requests."""
        with self._lock:
            self.failures[error.reason] += 1
            self._failed_in_a_row += 1
            self._last = str(error)
        if error.reason == NO_CONNECTION and not self.num_answers and attempt == 2:
            raise FatalServerError(f"no server answers ({error.detail}): start it, or check --base-url")
        wait = delay(attempt, self.first_wait)
        next_try = "the same"
        if error.wait is not None:
            if error.wait > MAX_WAIT_SECONDS:
                raise FatalServerError(f"the server asks to wait for {error.wait:.0f} s ({error}): run again then")
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + error.wait)
            # Jitter, so that not all requests are sent at the same moment.
            wait = error.wait + (delay(0, self.first_wait) if error.wait else 0.0)
        elif error.may_be_format and not state.has_answered and attempt >= 2:
            wait = delay(0, self.first_wait) if state.untried else wait
            state.request_format = state.untried.popleft() if state.untried else 0
            next_try = " with ".join(FORMATS[state.request_format])
        self._report_failures(f"trying {next_try} in {wait:.1f} s, attempt {attempt + 2} of {MAX_ATTEMPTS}")
        return wait

    def _report_failures(self, next_step: str) -> None:
        with self._lock:
            if self._failed_in_a_row < 2 or time.monotonic() < self._next_report:
                return
            self._next_report = time.monotonic() + REPORT_SECONDS
        self.report(f"{self._failed_in_a_row} requests in a row have failed (last: {self._last}); {next_step}")

    def _learn_from(self, parsed: ParsedResponse, state: _ModelState, model: str) -> None:
        """Notes that the server answers, and ends the run if too many answers in a row hold no text."""
        with self._lock:
            self.num_answers += 1
            self._failed_in_a_row = self._fruitless = 0
            state.without_text = 0 if parsed.has_text else state.without_text + 1
            limit = MAX_WITHOUT_TEXT_LATER if state.has_answered else MAX_WITHOUT_TEXT
            state.has_answered = state.has_answered or parsed.has_text
            if state.without_text >= limit:
                self._verdict = (
                    f"{state.without_text} answers in a row hold no text of {model!r}; the last begins "
                    f"{shown(parsed.text)!r}: check --base-url, that no sign-in page answers, and that streaming is off"
                )

    def _count(self, parsed: ParsedResponse, state: _ModelState, model: str) -> None:
        """Counts unreadable answers, and ends the run if too many of the recent ones are."""
        with self._lock:
            state.recent.append(parsed.is_readable)
            if parsed.is_readable:
                return
            self.unreadable = shown(parsed.text)
            unreadable = state.recent.count(False)
            if len(state.recent) == RECENT_ANSWERS and unreadable > self.max_unreadable * RECENT_ANSWERS:
                self._verdict = self._verdict or (
                    f"{unreadable} of the last {RECENT_ANSWERS} answers of {model!r} could not be read; the last one "
                    f"begins {self.unreadable!r}: take another model, or run again with a higher --max-unreadable"
                )

    def _no_answers(self) -> str:
        return f"the server has answered none of {self.budget.used.requests} requests (last: {self._last})"

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(max(0.0, seconds)):
            raise CancelledError


@contextmanager
def _alone_until_it_has_answered(state: _ModelState) -> Iterator[None]:
    """Lets one request at a time through until a model has said something, so that faults are found at the first."""
    with state.probe:
        if not state.has_answered:
            yield
            return
    yield


def delay(attempt: int, first: float = FIRST_WAIT_SECONDS) -> float:
    """Seconds that double with every attempt (0, 1, ...), with jitter: between half of that and all of it."""
    return float(min(MAX_BACKOFF_SECONDS, first * 2**attempt)) * random.uniform(0.5, 1.0)


def _used(parsed: ParsedResponse, raw: str, request: ChatRequest) -> Usage:
    """What a request used, by the server's count; where it does not count, the upper bound."""
    tokens_in, tokens_out = parsed.tokens_in, parsed.tokens_out
    return Usage(
        1,
        request.max_tokens_in if tokens_in is None else tokens_in,
        min(request.settings.max_answer_tokens, len(raw.encode())) if tokens_out is None else tokens_out,
    )


def _print(sentence: str) -> None:
    print(f"compa: {sentence}", file=sys.stderr, flush=True)
