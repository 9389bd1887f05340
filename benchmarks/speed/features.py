"""Times log-mel features beside those of others: `python -m benchmarks.speed.features`.

Everything is measured in turns in one run, so that whatever else the machine does hits each alike. Processor time is
counted, that of all threads. Compa has one, as in a loader's worker; the others' matrix products are numpy's, which has
as many as there are cores or as `OMP_NUM_THREADS` says. The clips are made up: 10 s of coloured noise.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from benchmarks.speed.objectives import CLOCKS, Times, take_turns
from benchmarks.speed.output import tell
from compa.audio.decode import read_audio
from compa.audio.features import PRESETS, LogMel

PARTS = ("features", "files")
PRESET = "laion-unfused"
SECONDS = 10
BATCH_SIZE = 8
FILE_RATE = 44100
BARE, OURS, EXTRACTOR, LIBROSA = "bare rfft of the frames", "compa", "transformers' extractor", "librosa"
MISSING = "{} isn't installed, so its rows are missing: pip install compa[speed]"

Clips = NDArray[np.float32]
Works = dict[str, Callable[[], object]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables; `--out` writes them to a file, too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part alone; can be repeated")
    parser.add_argument("--seconds", type=float, default=20, help="for each table; default: %(default)s")
    parser.add_argument("--out", type=Path, help="file for the tables, in Markdown")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    tell(_report(options), options.out)


def _report(options: argparse.Namespace) -> Iterator[str]:
    cores, load = os.cpu_count(), os.getloadavg()[0]
    threads = os.environ.get("OMP_NUM_THREADS", cores)
    yield f"{platform.machine()}, {cores} cores, {threads} for numpy, load {load:.1f} before, torch {torch.__version__}"
    for name in ("transformers", "librosa"):
        if not is_installed(name):
            yield MISSING.format(name)
    parts = options.only or PARTS
    if "features" in parts:
        yield f"\nLog-mel features of {BATCH_SIZE} clips of 10 s at 48 kHz, in memory\n"
        clips = np.stack([coloured_noise(PRESETS[PRESET].sample_rate, seed) for seed in range(BATCH_SIZE)])
        yield from _table(take_turns(feature_works(clips), options.seconds, clock=CLOCKS["cpu"]), BATCH_SIZE)
    if "files" in parts:
        for num_channels in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "clip.flac")
                channels = [coloured_noise(FILE_RATE, seed) for seed in range(num_channels)]
                soundfile.write(path, np.stack(channels, axis=1), FILE_RATE)
                yield f"\nFrom a FLAC file of 10 s at 44.1 kHz, {num_channels} channels, to features at 48 kHz\n"
                yield from _table(take_turns(file_works(path), options.seconds, clock=CLOCKS["cpu"]), 1)


def is_installed(name: str) -> bool:
    """Whether a package of the `speed` extra is there."""
    return importlib.util.find_spec(name) is not None


def coloured_noise(rate: int, seed: int = 0) -> NDArray[np.float32]:
    """Makes a clip."""
    noise = np.random.default_rng(seed).normal(scale=0.05, size=SECONDS * rate)
    return np.convolve(noise, np.hanning(9), mode="same").astype(np.float32)


def feature_works(clips: Clips) -> Works:
    """Everything that makes clips (B, samples) at 48 kHz into features, and the Fourier transform alone."""
    config = PRESETS[PRESET]
    ends = (config.fft_size // 2, config.fft_size // 2)
    padded = torch.nn.functional.pad(torch.from_numpy(clips), ends, mode="reflect")
    frames = padded.unfold(1, config.fft_size, config.hop_size)
    works: Works = {BARE: lambda: torch.fft.rfft(frames), OURS: partial(ours(), clips)}
    if is_installed("transformers"):
        works[EXTRACTOR] = partial(extractor(), clips)
    if is_installed("librosa"):
        works[LIBROSA] = partial(librosa_features, clips)
    return works


def file_works(path: Path) -> Works:
    """Everything that makes a sound file into features, and its decoding and resampling alone."""
    rate = PRESETS[PRESET].sample_rate
    log_mel = ours()
    works: Works = {
        "compa, decoded and resampled only": lambda: read_audio(path, rate),
        OURS: lambda: log_mel(read_audio(path, rate)[None]),
    }
    if is_installed("transformers") and is_installed("librosa"):
        import librosa

        extract = extractor()
        length = SECONDS * rate  # librosa rounds up to a sample more, and the extractor would leave out one at random
        works["librosa.load, then transformers' extractor"] = lambda: extract(
            librosa.load(path, sr=rate)[0][None, :length]
        )
    return works


def ours() -> Callable[[Clips], Any]:
    """Our log-mel of clips of equal length, (B, frames, mels)."""
    log_mel = LogMel(PRESETS[PRESET])

    def features(clips: Clips) -> Any:
        with torch.inference_mode():
            return log_mel(torch.from_numpy(clips), torch.full((len(clips),), clips.shape[1]))[0].numpy()

    return features


def extractor() -> Callable[[Clips], Any]:
    """What transformers has for the same checkpoints, (B, frames, mels)."""
    from transformers import ClapFeatureExtractor

    config = PRESETS[PRESET]
    assert config.max_hz is not None
    extract = ClapFeatureExtractor(frequency_min=config.min_hz, frequency_max=config.max_hz, truncation="rand_trunc")

    def features(clips: Clips) -> Any:
        found = extract(list(clips), sampling_rate=config.sample_rate, return_tensors="np")
        return found["input_features"][:, 0]

    return features


def librosa_features(clips: Clips) -> Any:
    """The same by librosa, (B, frames, mels)."""
    import librosa

    config = PRESETS[PRESET]
    powers = librosa.feature.melspectrogram(
        y=clips,
        sr=config.sample_rate,
        n_fft=config.fft_size,
        hop_length=config.hop_size,
        n_mels=config.num_mels,
        fmin=config.min_hz,
        fmax=config.max_hz,
        pad_mode="reflect",
    )
    return librosa.power_to_db(powers, top_db=None).swapaxes(1, 2)


def _table(times: dict[str, Times], num_clips: int) -> Iterator[str]:
    """Times, and how often each takes what compa takes: of the best rounds, and the median over rounds."""
    mine = times[OURS]
    yield "| | ms a clip, best | clips a second of processor time | to compa, best | median of rounds |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, taken in times.items():
        middle = statistics.median(other / own for other, own in zip(taken.rounds, mine.rounds, strict=True))
        ratios = f"{taken.best / mine.best:.2f} | {middle:.2f}"
        yield f"| {name} | {taken.best * 1e3 / num_clips:.2f} | {num_clips / taken.best:,.0f} | {ratios} |"


if __name__ == "__main__":
    main()
