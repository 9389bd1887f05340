"""Some fifty kinds of bad input, each built here: files of sound, and lines of manifests."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from tests.compa.scenes.sound_files import beep

RATE = 16000


def wav(
    rate: int = RATE, channels: int = 1, num_samples: int = RATE, promised_bytes: int | None = None, code: int = 1
) -> bytes:
    """A 16 bit WAV of noise whose header says what is asked for, true or not."""
    data = np.random.default_rng(0).integers(-9000, 9000, num_samples * channels).astype("<i2").tobytes()
    size = len(data) if promised_bytes is None else promised_bytes
    form = struct.pack("<HHIIHH", code, channels, rate, (2 * rate * channels) % 2**32, 2 * channels % 2**16, 16)
    return (
        b"RIFF"
        + struct.pack("<I", (36 + size) % 2**32)
        + b"WAVEfmt \x10\0\0\0"
        + form
        + b"data"
        + (struct.pack("<I", size) + data)
    )


def encoded(suffix: str, waveform: np.ndarray | None = None, subtype: str | None = None) -> bytes:
    """A file that soundfile writes."""
    import io

    kind = "OGG" if suffix == "opus" else suffix.upper()
    subtype = "OPUS" if suffix == "opus" else subtype
    buffer = io.BytesIO()
    sound = beep(2.0, rate=48000) if waveform is None else waveform
    soundfile.write(buffer, sound, 48000, format=kind, subtype=subtype)
    return buffer.getvalue()


def flac_of_ten_hours() -> bytes:
    """A FLAC of 2 s whose header promises 10 hours."""
    content = bytearray(encoded("flac"))
    num_samples = 36000 * 48000
    content[21] = content[21] & 0xF0 | num_samples >> 32
    content[22:26] = struct.pack(">I", num_samples & 0xFFFFFFFF)
    return bytes(content)


def with_value(value: float) -> np.ndarray:
    waveform = beep(1.0)
    waveform[777] = value
    return waveform


def cut(suffix: str, length: int | float) -> Callable[[], bytes]:
    """The first bytes of a file: so many, or such a share."""

    def content() -> bytes:
        whole = wav() if suffix == "wav" else encoded(suffix)
        return whole[: length if isinstance(length, int) else round(length * len(whole))]

    return content


def opposite_channels() -> bytes:
    return encoded("wav", np.stack([beep(1.0), -beep(1.0)], axis=1))


BAD_SOUNDS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "zero-bytes": ("wav", lambda: b"", "unreadable"),
    "wav-in-magic": ("wav", cut("wav", 3), "unreadable"),
    "wav-after-riff": ("wav", cut("wav", 12), "unreadable"),
    "wav-in-format": ("wav", cut("wav", 20), "unreadable"),
    "wav-before-data": ("wav", cut("wav", 36), "unreadable"),
    "wav-in-data-size": ("wav", cut("wav", 42), "empty"),
    "wav-without-data": ("wav", cut("wav", 44), "unreadable"),
    "wav-in-data": ("wav", cut("wav", 0.5), "unreadable"),
    "flac-in-magic": ("flac", cut("flac", 2), "unreadable"),
    "flac-in-streaminfo": ("flac", cut("flac", 20), "unreadable"),
    "flac-after-streaminfo": ("flac", cut("flac", 42), "unreadable"),
    "flac-in-frame": ("flac", cut("flac", 0.6), "unreadable"),
    "flac-of-ten-hours": ("flac", flac_of_ten_hours, "unreadable"),
    "ogg-in-page-header": ("ogg", cut("ogg", 20), "unreadable"),
    "ogg-in-first-page": ("ogg", cut("ogg", 45), "unreadable"),
    "ogg-in-second-page": ("ogg", cut("ogg", 0.3), "unreadable"),
    "ogg-without-last-byte": ("ogg", lambda: encoded("ogg")[:-1], "unreadable"),
    "opus-in-header": ("opus", cut("opus", 30), "unreadable"),
    "opus-without-last-page": ("opus", lambda: encoded("opus")[:-1], "unreadable"),
    "mp3-in-header": ("mp3", cut("mp3", 20), "unreadable"),
    "mp3-half": ("mp3", cut("mp3", 0.5), "unreadable"),
    "text-as-wav": ("wav", lambda: b"this is no sound, but a text that somebody renamed\n" * 40, "unreadable"),
    "web-page-as-mp3": ("mp3", lambda: b"<!DOCTYPE html><title>404 Not Found</title>" * 40, "unreadable"),
    "picture-as-flac": ("flac", lambda: b"\x89PNG\r\n\x1a\n" + bytes(3000), "unreadable"),
    "archive-as-ogg": ("ogg", lambda: b"PK\x03\x04" + bytes(3000), "unreadable"),
    "empty-mp4": ("m4a", lambda: b"\0\0\0\x18ftypM4A \0\0\0\0" + bytes(100), "unreadable"),
    "zeros": ("wav", lambda: bytes(100_000), "unreadable"),
    "noise-as-mp3": ("mp3", lambda: np.random.default_rng(0).bytes(5000), "unreadable"),
    "rate-zero": ("wav", lambda: wav(rate=0), "unreadable"),
    "rate-of-one": ("wav", lambda: wav(rate=1), "unreadable"),
    "rate-of-two-gigahertz": ("wav", lambda: wav(rate=2**31 - 1), "unreadable"),
    "channels-zero": ("wav", lambda: wav().replace(b"\x01\0\x01\0", b"\x01\0\0\0", 1), "unreadable"),
    "channels-1000": ("wav", lambda: wav(channels=1000, num_samples=200), "unreadable"),
    "unknown-codec": ("wav", lambda: wav(code=0x7777), "unreadable"),
    "wav-of-ten-hours": ("wav", lambda: wav(promised_bytes=36000 * 2 * RATE), "unreadable"),
    "no-samples": ("wav", lambda: wav(num_samples=0), "empty"),
    "nan": ("wav", lambda: encoded("wav", with_value(np.nan), "FLOAT"), "not-finite"),
    "infinite": ("wav", lambda: encoded("wav", with_value(np.inf), "FLOAT"), "not-finite"),
    "silence": ("flac", lambda: encoded("flac", np.zeros(48000, np.float32)), "silent"),
    "constant": ("wav", lambda: encoded("wav", np.full(48000, 0.5, np.float32)), "silent"),
    "opposite-channels": ("wav", opposite_channels, "channels-cancel"),
    "ten-milliseconds": ("wav", lambda: encoded("wav", beep(0.03)), "too-short"),
    "half-a-minute": ("flac", lambda: encoded("flac", beep(90.0)), "too-long"),
}
"""By name: suffix, content, and the kind that verify has to find."""

GOOD_SOUNDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "plain": ("wav", lambda: wav(num_samples=8000)),
    "channels-64": ("wav", lambda: wav(channels=64)),
    "wav-from-a-pipe": ("wav", lambda: wav(num_samples=9000, promised_bytes=0xFFFFFFFF)),
    "wav-from-another-pipe": ("wav", lambda: wav(num_samples=9001, promised_bytes=0x7FFFFFD8)),
    "flac-named-mp3": ("mp3", lambda: encoded("flac")),
    "mp3-named-wav": ("wav", lambda: encoded("mp3")),
}
"""What looks odd and is sound all the same."""


def _special_names(folder: Path) -> dict[str, str]:
    """Things that are no files, by name in the manifest, with the kind that verify has to find."""
    (folder / "folder.wav").mkdir()
    (folder / "dangling.wav").symlink_to(folder / "nowhere.wav")
    (folder / "circle.wav").symlink_to(folder / "circle.wav")
    os.mkfifo(folder / "pipe.wav")
    return {
        "gone.wav": "missing",
        "dangling.wav": "missing",
        "circle.wav": "missing",
        "folder.wav": "unreadable",
        "pipe.wav": "unreadable",
        "/dev/zero": "unreadable",
        "n" * 5000 + ".wav": "unreadable",
        "../../../../../../../../nowhere/passwd": "missing",
        "": "unreadable",
    }


BAD_LINES: dict[str, bytes] = {
    "broken-json": b'{"id": "x", "audio": ',
    "no-object": b'["x"]',
    "not-utf-8": b'{"id": "\xff\xfe", "audio": null, "captions": []}',
    "zero-byte": b'{"id": "x\\u0000", "audio": null, "captions": ["x"]}',
    "huge-line": b'{"id": "' + b"x" * (2**24 + 10) + b'", "audio": null, "captions": ["x"]}',
    "deep-nesting": b'{"id": ' + b"[" * 100_000,
    "huge-number": b'{"id": ' + b"9" * 10_000 + b', "audio": null, "captions": []}',
    "nan-onset": b'{"id": "x", "audio": null, "captions": [], "events": [{"label": "a", "onset": NaN, "offset": 1}]}',
    "half-a-surrogate": b'{"id": "x", "audio": null, "captions": ["\\ud800"]}',
    "number-as-id": b'{"id": 7, "audio": null, "captions": ["x"]}',
    "list-as-audio": b'{"id": "x", "audio": ["a.wav"], "captions": ["x"]}',
    "text-as-captions": b'{"id": "x", "audio": null, "captions": "x"}',
    "number-in-captions": b'{"id": "x", "audio": null, "captions": [3]}',
    "object-as-events": b'{"id": "x", "audio": null, "captions": [], "events": {"label": "a"}}',
    "unknown-key": b'{"id": "x", "audio": null, "captions": [], "captoins": []}',
    "id-with-a-path": b'{"id": "../../x", "audio": null, "captions": ["x"]}',
    "empty-id": b'{"id": "", "audio": null, "captions": ["x"]}',
}
"""Lines that are no clips."""


def build_corpus(folder: Path) -> tuple[Path, dict[str, str], set[str]]:
    """Builds all of it, and a manifest over it.

    Returns:
        The manifest, the kind that verify has to find for each bad clip's id, and the ids of the good ones.
    """
    folder.mkdir(parents=True)
    expected: dict[str, str] = {}
    lines: list[bytes] = []

    def add(name: str, audio: str | None, captions: tuple[str, ...] = ("a caption",), **more: str) -> None:
        record = {"id": name, "audio": audio, "captions": [f"{caption} of {name}" for caption in captions], **more}
        lines.append(json.dumps(record).encode())

    for name, (suffix, content, kind) in BAD_SOUNDS.items():
        (folder / f"{name}.{suffix}").write_bytes(content())
        add(name, f"{name}.{suffix}")
        expected[name] = kind
    for name, (suffix, content) in GOOD_SOUNDS.items():
        (folder / f"{name}.{suffix}").write_bytes(content())
        add(name, f"{name}.{suffix}")
    for number, (audio, kind) in enumerate(_special_names(folder).items()):
        add(f"special-{number}", audio)
        expected[f"special-{number}"] = kind
    add("captions-only", None)
    expected["captions-only"] = "missing"
    add("without-captions", "plain.wav", ())
    expected["without-captions"] = "no-caption"
    (folder / "linked.wav").symlink_to(folder / "plain.wav")
    add("linked", "linked.wav")
    expected["linked"] = "duplicate-audio"
    lines += BAD_LINES.values()
    manifest = folder / "manifest.jsonl"
    manifest.write_bytes(b"\n".join(lines) + b"\n")
    return manifest, expected, set(GOOD_SOUNDS)
