"""Makes the snippets of a plan: cuts recordings, gives them their attributes, trims them, sets equal levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compa.audio.loudness import loudness
from compa.audio.trim import fade_and_trim
from compa.scenes.attributes.attribute import Attribute
from compa.scenes.banks.bank import EventBank, Snippet
from compa.scenes.composition.plan import Plan, SnippetSpec, SoundNode

SNIPPET_LEVEL = -23.0
"""The level of every prepared snippet in dB (LUFS, by default), before the mix sets its level in the scene."""


@dataclass(frozen=True)
class PreparedSnippet:
    """A sound as it enters the mix: float32 of shape (samples,), and the snippet of the bank that it was made of."""

    waveform: NDArray[np.float32]
    snippet: Snippet


class SnippetPreparer:
    """Prepares the sounds of a scene and its twins, each once, so that twins share their snippets.

    Args:
        bank: Where the sounds come from.
        measure_level: Gives the level in dB of a waveform at a sample rate; it is equal for all prepared snippets.
    """

    def __init__(self, bank: EventBank, measure_level: Callable[[NDArray[np.float32], int], float] = loudness) -> None:
        self.bank = bank
        self._measure_level = measure_level
        self._snippets: dict[tuple[object, ...], Snippet] = {}
        self._prepared: dict[tuple[object, ...], PreparedSnippet | None] = {}

    @property
    def sample_rate(self) -> int:
        """Of every sound, in Hz."""
        return self.bank.sample_rate

    def prepare(self, node: SoundNode, plan: Plan) -> PreparedSnippet | None:
        """The sound of a node.

        Returns:
            None where the recording is too short, or an effect would be inaudible on it.
        """
        values = [
            (attribute, value) for attribute, value in plan.values_of(node) if attribute.rendered_by != "timeline"
        ]
        rendered = tuple((attribute.name, value) for attribute, value in values)
        key = (node.spec, plan.max_source_seconds(node), plan.seconds_of(node), rendered)
        if key not in self._prepared:
            self._prepared[key] = self._make(node, plan, values)
        return self._prepared[key]

    def _make(self, node: SoundNode, plan: Plan, values: list[tuple[Attribute, Any]]) -> PreparedSnippet | None:
        by_bank = {attribute.name: value for attribute, value in values if attribute.rendered_by == "bank"}
        snippet = self._snippet(node.spec, plan.max_source_seconds(node), by_bank)
        waveform = snippet.waveform[: round(plan.source_seconds(node) * self.sample_rate)]
        effects = [(attribute, value) for attribute, value in values if attribute.rendered_by == "effect"]
        for attribute, value in sorted(effects, key=lambda effect: effect[0].stage):
            if not attribute.is_audible(waveform, value, plan.all_values(attribute), self.sample_rate):
                return None
            waveform = attribute.apply(waveform, value, self.sample_rate)
        trimmed = fade_and_trim(waveform, self.sample_rate)
        if trimmed is None:
            return None
        trimmed *= np.float32(10 ** ((SNIPPET_LEVEL - self._measure_level(trimmed, self.sample_rate)) / 20))
        return PreparedSnippet(trimmed, snippet)

    def _snippet(self, spec: SnippetSpec, seconds: float, by_bank: dict[str, Any]) -> Snippet:
        """A piece of a recording, the same for the same spec and length."""
        key = (spec, seconds, *by_bank.items())
        if key not in self._snippets:
            rng = np.random.default_rng(spec.number)
            self._snippets[key] = self.bank.sample(spec.label, rng, duration=seconds, **by_bank)
        return self._snippets[key]
