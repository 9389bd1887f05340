"""Pairs of captions and negatives that give themselves away as much as a test wants."""

from __future__ import annotations

import random

SOURCES = ["dog", "cat", "bell", "horn", "siren", "drum", "train", "truck", "goat", "sheep", "duck", "frog"]
ACTIONS = ["rings", "barks", "wails", "beeps", "hums", "rattles", "chimes"]


def caption(rng: random.Random) -> str:
    return f"A {rng.choice(SOURCES)} {rng.choice(ACTIONS)} then a {rng.choice(SOURCES)} {rng.choice(ACTIONS)}"


def fair_pairs(num: int) -> list[tuple[str, str]]:
    rng = random.Random(0)
    return [(caption(rng), caption(rng)) for _ in range(num)]


def lopsided_pairs(num: int, fraction: float) -> list[tuple[str, str]]:
    """This fraction of the pairs turn a man into a woman, the others a woman into a man."""
    rng = random.Random(1)
    pairs = [(f"{caption(rng)} as a man speaks", "") for _ in range(num)]
    pairs = [(text, text.replace("man", "woman")) for text, _ in pairs]
    return [pair if rng.random() < fraction else (pair[1], pair[0]) for pair in pairs]
