"""Options of `compa negatives generate` and `compa negatives batch submit`: what to make of which captions."""

from __future__ import annotations

import argparse
from pathlib import Path

from compa.manifest import NEGATIVE_KINDS
from compa.utils.arguments import add_seed, names, positive_int
from negatives import levels
from negatives.llm.options import RULES
from negatives.pipeline import KINDS as RULE_KINDS
from negatives.pipeline import LEVELS as RULE_LEVELS


def add_generation_options(parser: argparse.ArgumentParser) -> None:
    """Adds what says which negatives to make of which captions, and by what."""
    add = parser.add_argument
    add(
        "input",
        metavar="INPUT",
        type=Path,
        help="a manifest (.jsonl), a table with a column 'caption' (.csv, .tsv, .jsonl), or a text file with one "
        "caption per line (.txt)",
    )
    add(
        "--kinds",
        metavar="A,B",
        type=names("kind", NEGATIVE_KINDS),
        default=",".join(RULE_KINDS),
        help=f"kinds of negatives, of {', '.join(NEGATIVE_KINDS)}",
    )
    add(
        "--levels",
        metavar="A,B",
        type=_levels,
        default=",".join(RULE_LEVELS),
        help=f"levels of positives, of {', '.join(RULE_LEVELS)}, or none",
    )
    add("--num", metavar="K", type=positive_int, default=3, help="negatives per caption at most")
    add_seed(parser, "the same seed gives the same texts")
    add(
        "--ontology",
        type=Path,
        metavar="JSON",
        help="sounds that share a parent in this ontology replace each other, too (AudioSet's format: id, name, "
        "child_ids)",
    )
    add(
        "--model",
        default=RULES,
        metavar="NAME",
        help="what proposes the texts: rules; mock, a stand-in for a language model; or a model's name at a server",
    )


def _levels(text: str) -> tuple[str, ...]:
    return () if text == "none" else names("level", tuple(levels.available()))(text)
