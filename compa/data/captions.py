"""Captions as tables and files hold them: which count as missing, and which are refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MISSING = frozenset(
    (
        *("", "#n/a n/a"),
        *["nan", "-nan", "none", "null", "na", "<na>", "n/a", "nat", "\\n", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"],
        *["#n/a", "#na", "#null!", "#name?", "#ref!", "#value!", "#div/0!", "#num!"],
    )
)
"""Cells that mean a missing value, in lower case, as pandas, R, Excel and databases write them."""
MAX_TOKENS = 512
"""The most that text encoders read; most read less."""

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffd]")
_LINE_BREAK = re.compile(r"\s*[\t\n\v\f\r\u2028\u2029]\s*")


def is_missing(text: str) -> bool:
    """Whether a whole cell means a missing value.

    Example:
        >>> is_missing("NaN"), is_missing("A nan (grandmother) sings")
        (True, False)
    """
    return text.strip().lower() in MISSING


def given_captions(values: Iterable[object]) -> tuple[str, ...]:
    """The captions of a row: each once, without missing ones; line breaks and tabs become blanks.

    Args:
        values: Its cells, or lists in them.

    Raises:
        ValueError: If there is none, or one is not a text or cannot be used.
    """
    captions: dict[str, None] = {}
    missing = ""
    for value in values:
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
            raise ValueError(f"its caption is not a text but {type(value).__name__}")
        text = "" if value is None else _LINE_BREAK.sub(" ", str(value).strip())
        if is_missing(text):
            missing = missing or text
        else:
            captions[text] = None
    if not captions:
        found = f" but {missing!r}, which means a missing one" if missing else ""
        raise ValueError(f"no caption{found}: write one or remove the row")
    if problem := caption_problem(list(captions)):
        raise ValueError(problem)
    return tuple(captions)


def caption_problem(captions: Sequence[str]) -> str | None:
    """Why the captions of a clip cannot be used, as a clause; None where they can."""
    for text in captions:
        if is_missing(text):
            return f"its caption {text!r} means a missing one" if text.strip() else "an empty caption"
        if found := _CONTROL.search(text):
            return f"its caption {_shortened(text)} holds the control character U+{ord(found[0]):04X}: remove it"
        if not any(letter.isalnum() for letter in text):
            return f"its caption {_shortened(text)} holds no word"
    return None if captions else "no caption"


def is_long(caption: str) -> bool:
    """Whether a caption is longer than text encoders read: a word is a token or more, and few tokens have 8 letters."""
    return len(caption) > 8 * MAX_TOKENS or caption.count(" ") >= MAX_TOKENS


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
