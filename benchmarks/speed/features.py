"""Times log-mel features beside those of transformers and librosa: `python -m benchmarks.speed.features`.

Processor time of all threads is measured. compa uses one thread, as in a worker of a loader; the others multiply
matrices by numpy, with one thread a core or as many as `OMP_NUM_THREADS` says. The clips are 10 s of colored noise.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from benchmarks.speed.output import machine, measuring_parser, print_tables
from benchmarks.speed.timing import CLOCKS, Times, time_in_turns
from compa.audio.decode import read_audio
from compa.audio.features import PRESETS, LogMel

PARTS = ("features", "files")
PRESET = "laion-unfused"
SECONDS = 10
BATCH_SIZE = 8
FILE_RATE = 44100
BARE, COMPA, EXTRACTOR, LIBROSA = "bare rfft of the frames", "compa", "transformers' extractor", "librosa"
MISSING = "{} is not installed, so its rows are missing: pip install compa[speed]"

Clips = NDArray[np.float32]
Functions = dict[str, Callable[[], object]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables."""
    options = measuring_parser("features", __doc__, PARTS, seconds=20).parse_args(arguments)
    torch.set_num_threads(1)
    print_tables(_tables(options.only or PARTS, options.seconds), options.out)


def _tables(parts: Sequence[str], seconds: float) -> Iterator[str]:
    threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
    yield f"{machine()}, {threads} threads of numpy, torch {torch.__version__}"
    for name in ("transformers", "librosa"):
        if not is_installed(name):
            yield MISSING.format(name)
    if "features" in parts:
        yield f"\nLog-mel features of {BATCH_SIZE} clips of 10 s at 48 kHz, in memory\n"
        clips = np.stack([colored_noise(PRESETS[PRESET].sample_rate, seed) for seed in range(BATCH_SIZE)])
        yield from _table(time_in_turns(feature_functions(clips), seconds, CLOCKS["cpu"]), BATCH_SIZE)
    if "files" in parts:
        for num_channels in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "clip.flac")
                channels = [colored_noise(FILE_RATE, seed) for seed in range(num_channels)]
                soundfile.write(path, np.stack(channels, axis=1), FILE_RATE)
                yield f"\nFrom a FLAC file of 10 s at 44.1 kHz, {num_channels} channels, to features at 48 kHz\n"
                yield from _table(time_in_turns(file_functions(path), seconds, CLOCKS["cpu"]), 1)


def is_installed(name: str) -> bool:
    """Whether a package of the extra `speed` is installed."""
    return importlib.util.find_spec(name) is not None


def colored_noise(rate: int, seed: int = 0) -> NDArray[np.float32]:
    """Makes a clip of `SECONDS`."""
    noise = np.random.default_rng(seed).normal(scale=0.05, size=SECONDS * rate)
    return np.convolve(noise, np.hanning(9), mode="same").astype(np.float32)


def feature_functions(clips: Clips) -> Functions:
    """Functions that turn clips (B, samples) at 48 kHz into features, and the Fourier transform alone."""
    config = PRESETS[PRESET]
    ends = (config.fft_size // 2, config.fft_size // 2)
    padded = torch.nn.functional.pad(torch.from_numpy(clips), ends, mode="reflect")
    frames = padded.unfold(1, config.fft_size, config.hop_size)
    functions: Functions = {BARE: lambda: torch.fft.rfft(frames), COMPA: partial(compa_features(), clips)}
    if is_installed("transformers"):
        functions[EXTRACTOR] = partial(transformers_features(), clips)
    if is_installed("librosa"):
        functions[LIBROSA] = partial(librosa_features, clips)
    return functions


def file_functions(path: Path) -> Functions:
    """Functions that turn a sound file into features, and its decoding and resampling alone."""
    rate = PRESETS[PRESET].sample_rate
    log_mel = compa_features()
    functions: Functions = {
        "compa, decoded and resampled only": lambda: read_audio(path, rate),
        COMPA: lambda: log_mel(read_audio(path, rate)[None]),
    }
    if is_installed("transformers") and is_installed("librosa"):
        import librosa

        extract = transformers_features()
        length = SECONDS * rate  # librosa may give one sample more, and the extractor would then crop at random
        functions["librosa.load, then transformers' extractor"] = lambda: extract(
            librosa.load(path, sr=rate)[0][None, :length]
        )
    return functions


def compa_features() -> Callable[[Clips], Any]:
    """Log-mel features of compa for clips of equal length, (B, frames, mels)."""
    log_mel = LogMel(PRESETS[PRESET])

    def features(clips: Clips) -> Any:
        with torch.inference_mode():
            return log_mel(torch.from_numpy(clips), torch.full((len(clips),), clips.shape[1]))[0].numpy()

    return features


def transformers_features() -> Callable[[Clips], Any]:
    """Features of transformers for the same checkpoints, (B, frames, mels)."""
    from transformers import ClapFeatureExtractor

    config = PRESETS[PRESET]
    assert config.max_hz is not None
    extract = ClapFeatureExtractor(frequency_min=config.min_hz, frequency_max=config.max_hz, truncation="rand_trunc")

    def features(clips: Clips) -> Any:
        found = extract(list(clips), sampling_rate=config.sample_rate, return_tensors="np")
        return found["input_features"][:, 0]

    return features


def librosa_features(clips: Clips) -> Any:
    """The same features by librosa, (B, frames, mels)."""
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
    """Times and their ratios to compa: of the best rounds, and the median over rounds."""
    yield "| | ms a clip, best | clips a second of processor time | to compa, best | median of rounds |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, taken in times.items():
        ratios = f"{taken.best / times[COMPA].best:.2f} | {taken.ratio_to(times[COMPA]):.2f}"
        yield f"| {name} | {taken.best * 1e3 / num_clips:.2f} | {num_clips / taken.best:,.0f} | {ratios} |"


if __name__ == "__main__":
    main()
