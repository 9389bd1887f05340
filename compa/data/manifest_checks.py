"""What is wrong with the clips of a manifest: with each by itself, and with several together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from compa.audio.mono import MAX_CANCELLED
from compa.data.audio_probe import SILENCE_DBFS, Probe
from compa.data.captions import MAX_TOKENS, caption_problem, is_long
from compa.manifest import Clip
from compa.utils.text import normalized

ISSUE_TYPES = {
    "bad-line": "no clip on this line",
    "duplicate-id": "another clip has its id",
    "no-caption": "no caption, or one that is empty or cannot be used",
    "missing": "no sound file",
    "unreadable": "cannot be decoded to its end",
    "empty": "holds no samples",
    "not-finite": "holds NaN or infinite samples",
    "silent": f"nothing above {SILENCE_DBFS:.0f} dBFS",
    "channels-cancel": f"averaging its channels cancels more than {MAX_CANCELLED:.0%} of its energy",
    "too-short": "shorter than --min-seconds",
    "too-long": "longer than --max-seconds",
    "duplicate-audio": "sounds exactly as another clip",
    "leak": "for training, but its source, group or sound is also held out",
}
"""What puts a clip into quarantine, and what it means."""
NOTE_TYPES = {
    "clipped": "at full scale for more than 0.1 % of its samples",
    "duplicate-caption": "another clip has the same caption",
    "long-caption": f"a caption longer than the {MAX_TOKENS} tokens that text encoders read at most",
}
"""What is only counted."""
MAX_CLIPPED_FRACTION = 0.001


@dataclass(frozen=True)
class Issue:
    """Something that is wrong: a type of `ISSUE_TYPES` or `NOTE_TYPES`, and the details."""

    type: str
    id: str | None
    file: str | None
    detail: str

    @property
    def reason(self) -> str:
        """Type and detail, as the quarantine list has it."""
        return f"{self.type}: {self.detail}"


@dataclass
class ManifestChecker:
    """Checks clips one by one, and all of them together in the end.

    Args:
        min_seconds: Shorter clips are too short.
        max_seconds: Longer ones are too long; None for no limit.
    """

    min_seconds: float
    max_seconds: float | None = None
    _num_of_id: Counter[str] = field(default_factory=Counter, init=False)
    _num_of_caption: Counter[str] = field(default_factory=Counter, init=False)
    _of_content: defaultdict[str, list[Clip]] = field(default_factory=lambda: defaultdict(list), init=False)
    _of_origin: defaultdict[str, list[Clip]] = field(default_factory=lambda: defaultdict(list), init=False)

    def check(self, clip: Clip, probe: Probe | None) -> Iterator[Issue]:
        """Yields what is wrong with a clip by itself; `probe` is None where there is no file to decode."""
        self._num_of_id[clip.id] += 1
        self._num_of_caption.update(set(map(normalized, clip.captions)))
        for name, value in (("source", clip.source), ("group", clip.group)):
            if value:
                self._of_origin[f"{name} {value!r}"].append(_without_texts(clip))
        if problem := caption_problem(clip.captions):
            yield _issue("no-caption", clip, problem)
        if any(map(is_long, clip.captions)):
            yield _issue("long-caption", clip, "its end is not read")
        if probe is None:
            yield _issue("missing", clip, "no such file" if clip.audio else "the manifest names no audio")
        elif probe.error is not None:
            yield _issue("unreadable", clip, probe.error)
        else:
            yield from self._check_sound(clip, probe)

    def _check_sound(self, clip: Clip, probe: Probe) -> Iterator[Issue]:
        if probe.seconds == 0:
            yield _issue("empty", clip, "holds no samples")
            return
        self._of_content[probe.content_hash].append(_without_texts(clip))
        if not probe.is_finite:
            yield _issue("not-finite", clip, "holds NaN or infinite samples")
        elif probe.peak < 10 ** (SILENCE_DBFS / 20):
            yield _issue("silent", clip, f"nothing above {SILENCE_DBFS:.0f} dBFS when mixed to mono")
        if probe.cancellation:
            yield _issue("channels-cancel", clip, f"{probe.cancellation}; if allowed, the loudest is used alone")
        if probe.seconds < self.min_seconds:
            yield _issue("too-short", clip, f"{probe.seconds:.4f} s, at least {self.min_seconds:g} s are needed")
        if self.max_seconds is not None and probe.seconds > self.max_seconds:
            yield _issue("too-long", clip, f"{probe.seconds:.1f} s, at most {self.max_seconds:g} s are allowed")
        if probe.clipped_fraction > MAX_CLIPPED_FRACTION:
            yield _issue("clipped", clip, f"{probe.clipped_fraction:.1%} of its samples are at full scale")

    def compare(self) -> Iterator[Issue]:
        """Yields what is wrong between the clips that were checked."""
        for clip_id, count in self._num_of_id.items():
            if count > 1:
                yield Issue("duplicate-id", clip_id, None, f"{count} clips have the id {clip_id!r}")
        for caption, count in self._num_of_caption.items():
            if count > 1:
                yield Issue("duplicate-caption", None, None, f"{count} clips have the caption {caption!r}")
        yield from self._same_sounds()
        for origin, clips in self._of_origin.items():
            yield from _leaks(clips, origin)

    def _same_sounds(self) -> Iterator[Issue]:
        for clips in self._of_content.values():
            yield from _leaks(clips, "sound")
            kept = next((clip for clip in clips if _is_held_out(clip)), clips[0])  # test sets stay whole
            for clip in clips:
                if clip is not kept and not (_is_training(clip) and _is_held_out(kept)):
                    yield _issue("duplicate-audio", clip, f"sounds exactly as {kept.id} ({kept.audio})")


def _leaks(clips: list[Clip], shared: str) -> Iterator[Issue]:
    """Training clips that share something with one that is held out: test sets are fixed, training sets are not."""
    held_out = next((clip for clip in clips if _is_held_out(clip)), None)
    for clip in clips:
        if held_out is not None and _is_training(clip):
            yield _issue("leak", clip, f"for training, but shares its {shared} with {held_out.id} ({held_out.split})")


def _is_training(clip: Clip) -> bool:
    return clip.split is not None and "train" in clip.split.lower()


def _is_held_out(clip: Clip) -> bool:
    return clip.split is not None and not _is_training(clip)


def _without_texts(clip: Clip) -> Clip:
    """What is needed of a clip later, so that a million of them can be kept."""
    return Clip(clip.id, clip.audio, (), split=clip.split)


def _issue(type_: str, clip: Clip, detail: str) -> Issue:
    return Issue(type_, clip.id, clip.audio, detail)
