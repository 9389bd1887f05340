"""What is wrong with the clips of a manifest: with each by itself, and with several together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from compa.data.audio_probe import SILENCE_DBFS, Probe
from compa.manifest import Clip

KINDS = {
    "bad-line": "no clip on this line",
    "duplicate-id": "another clip has its id",
    "no-caption": "no caption, or an empty one",
    "missing": "no sound file",
    "unreadable": "cannot be decoded to its end",
    "empty": "holds no samples",
    "not-finite": "holds NaN or infinite samples",
    "silent": f"nothing above {SILENCE_DBFS:.0f} dBFS",
    "too-short": "shorter than --min-seconds",
    "too-long": "longer than --max-seconds",
    "duplicate-audio": "sounds exactly as another clip",
    "leak": "for training, but its source or sound is also held out",
}
"""What puts a clip into quarantine, and what it means."""
NOTES = {
    "clipped": "at full scale for more than 0.1 % of its samples",
    "duplicate-caption": "another clip has the same caption",
}
"""What is counted only."""
MAX_CLIPPED_SHARE = 0.001


@dataclass(frozen=True)
class Finding:
    """Something that is wrong: `kind` of `KINDS` or `NOTES`, and what there is to say of it."""

    kind: str
    id: str | None
    file: str | None
    detail: str

    @property
    def reason(self) -> str:
        """Kind and detail, as the quarantine list has it."""
        return f"{self.kind}: {self.detail}"


@dataclass
class Inspector:
    """Looks at clips one by one, and at all of them in the end.

    Args:
        min_seconds: Shorter clips are too short.
        max_seconds: Longer ones are too long; None for no limit.
    """

    min_seconds: float
    max_seconds: float | None = None
    _num_of_id: Counter[str] = field(default_factory=Counter, init=False)
    _num_of_caption: Counter[str] = field(default_factory=Counter, init=False)
    _of_content: defaultdict[str, list[Clip]] = field(default_factory=lambda: defaultdict(list), init=False)
    _of_source: defaultdict[str, list[Clip]] = field(default_factory=lambda: defaultdict(list), init=False)

    def look(self, clip: Clip, probe: Probe | None) -> Iterator[Finding]:
        """Yields what is wrong with a clip by itself; `probe` is None where there is no file to decode."""
        self._num_of_id[clip.id] += 1
        self._num_of_caption.update({_normal(text) for text in clip.captions})
        if clip.source:
            self._of_source[clip.source].append(_light(clip))
        if not clip.captions or not all(text.strip() for text in clip.captions):
            yield _finding("no-caption", clip, "an empty caption" if clip.captions else "none")
        if probe is None:
            yield _finding("missing", clip, "no such file" if clip.audio else "the manifest names no audio")
        elif probe.error is not None:
            yield _finding("unreadable", clip, probe.error)
        else:
            yield from self._listen(clip, probe)

    def _listen(self, clip: Clip, probe: Probe) -> Iterator[Finding]:
        if probe.seconds == 0:
            yield _finding("empty", clip, "holds no samples")
            return
        self._of_content[probe.content].append(_light(clip))
        if not probe.is_finite:
            yield _finding("not-finite", clip, "holds NaN or infinite samples")
        elif probe.swing < 10 ** (SILENCE_DBFS / 20):
            yield _finding("silent", clip, f"nothing above {SILENCE_DBFS:.0f} dBFS in the mean of its channels")
        if probe.seconds < self.min_seconds:
            yield _finding("too-short", clip, f"{probe.seconds:.3f} s, at least {self.min_seconds:g} s are asked for")
        if self.max_seconds is not None and probe.seconds > self.max_seconds:
            yield _finding("too-long", clip, f"{probe.seconds:.1f} s, at most {self.max_seconds:g} s are asked for")
        if probe.clipped_share > MAX_CLIPPED_SHARE:
            yield _finding("clipped", clip, f"{probe.clipped_share:.1%} of its samples are at full scale")

    def compare(self) -> Iterator[Finding]:
        """Yields what is wrong between the clips that were looked at."""
        for clip_id, count in self._num_of_id.items():
            if count > 1:
                yield Finding("duplicate-id", clip_id, None, f"{count} clips have the id {clip_id!r}")
        for caption, count in self._num_of_caption.items():
            if count > 1:
                yield Finding("duplicate-caption", None, None, f"{count} clips have the caption {caption!r}")
        yield from self._same_sounds()
        for source, clips in self._of_source.items():
            yield from _leaks(clips, f"source {source!r}")

    def _same_sounds(self) -> Iterator[Finding]:
        for clips in self._of_content.values():
            yield from _leaks(clips, "sound")
            kept = next((clip for clip in clips if _is_held_out(clip)), clips[0])  # test sets stay whole
            for clip in clips:
                if clip is not kept and not (_is_training(clip) and _is_held_out(kept)):
                    yield _finding("duplicate-audio", clip, f"sounds exactly as {kept.id} ({kept.audio})")


def _leaks(clips: list[Clip], shared: str) -> Iterator[Finding]:
    """Training clips that share something with one that is held out: test sets are fixed, training sets are not."""
    held_out = next((clip for clip in clips if _is_held_out(clip)), None)
    for clip in clips:
        if held_out is not None and _is_training(clip):
            yield _finding("leak", clip, f"for training, but shares its {shared} with {held_out.id} ({held_out.split})")


def _is_training(clip: Clip) -> bool:
    return clip.split is not None and "train" in clip.split.lower()


def _is_held_out(clip: Clip) -> bool:
    return clip.split is not None and not _is_training(clip)


def _light(clip: Clip) -> Clip:
    """A clip without its texts, so that a million of them can be kept."""
    return Clip(clip.id, clip.audio, (), split=clip.split)


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


def _finding(kind: str, clip: Clip, detail: str) -> Finding:
    return Finding(kind, clip.id, clip.audio, detail)
