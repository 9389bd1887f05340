"""Log-mel features, computed on the model's device from a padded batch of waveforms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args

import torch
from torch import Tensor, nn

MelScale = Literal["slaney", "htk"]
Edges = Literal["zeros", "reflect"]
Level = Literal["unit", "decibel"]


@dataclass(frozen=True)
class AudioConfig:
    """The one place where data and model agree on what audio looks like.

    Attributes:
        sample_rate: In Hz.
        fft_size: Samples of a frame (Hann window).
        hop_size: Samples from one frame's start to the next one's.
        num_mels: Mel bands.
        min_hz: Lower edge of the lowest band.
        max_hz: Upper edge of the highest band; None is half of the sample rate.
        mel_scale: `slaney` or `htk`.
        mel_norm: `slaney` gives every band the same area, None the same peak.
        edges: What frames see beyond the ends of a clip: `zeros`, with a frame for every started hop, or the clip's own
            ends in the mirror, `reflect`, with one frame more than whole hops.
        level: `unit` scales log-powers so that typical values lie between -1 and 1, `decibel` leaves them in dB.
        int16: Whether `CLAP` rounds waveforms to 16 bits a sample first, as the checkpoint's training did.
    """

    sample_rate: int = 16000
    fft_size: int = 400
    hop_size: int = 160
    num_mels: int = 64
    min_hz: float = 50.0
    max_hz: float | None = None
    mel_scale: MelScale = "slaney"
    mel_norm: Literal["slaney"] | None = "slaney"
    edges: Edges = "zeros"
    level: Level = "unit"
    int16: bool = False

    def __post_init__(self) -> None:
        for name, legal in (("mel_scale", MelScale), ("edges", Edges), ("level", Level)):
            if (value := getattr(self, name)) not in get_args(legal):
                raise ValueError(f"{name} must be one of {', '.join(get_args(legal))}; got {value!r}")
        if self.mel_norm not in ("slaney", None):
            raise ValueError(f"mel_norm {self.mel_norm!r} is neither slaney nor null")

    @property
    def scale(self) -> tuple[float, float, float]:
        """Lowest power of a band, what is added to its decimal logarithm, and by what the sum is multiplied."""
        return (1e-7, 3.0, 0.25) if self.level == "unit" else (1e-10, 0.0, 10.0)

    @property
    def silence(self) -> float:
        """The feature of a band in which nothing sounds."""
        floor, offset, factor = self.scale
        return (math.log10(floor) + offset) * factor


_PANNS = AudioConfig(32000, 1024, 320, 64, 50.0, 14000.0, edges="reflect", level="decibel")
_LAION = replace(_PANNS, sample_rate=48000, hop_size=480, int16=True)
PRESETS: Mapping[str, AudioConfig] = MappingProxyType(
    {
        "16khz": AudioConfig(),
        "32khz": _PANNS,
        "laion-unfused": _LAION,
        "laion-fused": replace(_LAION, mel_scale="htk", mel_norm=None),
    }
)
"""Features of compa's small model, of PANNs and HTSAT, and of LAION's CLAP checkpoints, by name.

The LAION-CLAP code that was released rounds every clip to 16 bits, in training and when it embeds files, hence `int16`;
the feature extractor that transformers has for the same checkpoints does not.
"""


def audio_config(config: AudioConfig | str | None) -> AudioConfig:
    """Looks up a preset's name; a configuration stays as it is, None is the default.

    Raises:
        ValueError: If there is no such preset.
    """
    if isinstance(config, str):
        if config not in PRESETS:
            raise ValueError(f"audio preset must be one of {', '.join(PRESETS)}; got {config!r}")
        return PRESETS[config]
    return config or AudioConfig()


class LogMel(nn.Module):
    """Waveforms to log-mel frames.

    Frames beyond a clip's own length are exactly 0, so padding carries nothing.

    With the presets `laion-unfused` and `laion-fused` the features agree with those of transformers'
    `ClapFeatureExtractor` for the same samples (`truncation="rand_trunc"` and `"fusion"`): every band that lies up to
    70 dB below the strongest frequency of its frame (power of the band, divided by the sum of its weights) differs by
    less than 1e-3 dB. For noise that is all of them. Below, as in bands far from a pure tone, the rounding of a float32
    Fourier transform shows, whose power is less than 1e-11 of that frequency's; the extractor computes in float64.
    """

    BLOCK_SAMPLES = 2**18
    """So many samples of frames are worked on at a time on a CPU, so that they stay in its cache."""
    GROUP_MELS = 16
    """Bands whose filters are one matrix; together they reach over few frequencies, the others are left out."""

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.config = config
        self.floor, self.offset, self.factor = config.scale
        self.window: Tensor
        self.filters: Tensor
        self.register_buffer("window", torch.hann_window(config.fft_size), persistent=False)
        self.register_buffer("filters", _mel_filters(config), persistent=False)
        # Squares of real and imaginary parts stand side by side and are weighted alike, so nothing has to add them.
        self.paired_filters: Tensor
        self.register_buffer("paired_filters", self.filters.repeat_interleave(2, dim=0), persistent=False)
        bands = [slice(start, start + self.GROUP_MELS) for start in range(0, config.num_mels, self.GROUP_MELS)]
        self.groups = [(_reach(self.paired_filters[:, band]), band) for band in bands]
        self.highest = max(reach.stop for reach, _ in self.groups)

    def num_frames(self, lengths: Tensor) -> Tensor:
        """How many frames clips of `lengths` samples have, as `edges` has it."""
        hop = self.config.hop_size
        more = hop if self.config.edges == "reflect" else hop - 1
        return torch.div(lengths + more, hop, rounding_mode="floor")

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the features.

        Args:
            waveforms: (B, samples), zero beyond each clip's length.
            lengths: (B,) samples of each clip.

        Returns:
            Features (B, frames, mels) and a mask (B, frames) that is True on real frames.
        """
        with torch.autocast(waveforms.device.type, enabled=False):
            frames = self._frames(waveforms.to(self.window.dtype), lengths)
            powers = torch.cat([self._mel_powers(block) for block in self._blocks(frames)])
            features = powers.clamp_min_(self.floor).log10_().add_(self.offset).mul_(self.factor)
            features = features.view(*frames.shape[:2], self.config.num_mels)
        mask = torch.arange(frames.shape[1], device=lengths.device) < self.num_frames(lengths)[:, None]
        return features * mask[..., None], mask

    def _frames(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """The frames (B, frames, fft_size) of a batch, as a view."""
        size, hop = self.config.fft_size, self.config.hop_size
        left, right = size // 2, size - size // 2
        if self.config.edges == "reflect":
            num_frames = 1 + waveforms.shape[1] // hop
            padded = _mirrored(waveforms, lengths, left, right)
        else:
            num_frames = math.ceil(waveforms.shape[1] / hop)
            missing = (num_frames - 1) * hop + right - waveforms.shape[1]
            padded = nn.functional.pad(waveforms, (left, max(missing, 0)))
        return padded.unfold(1, size, hop)[:, :num_frames]

    def _blocks(self, frames: Tensor) -> Iterator[Tensor]:
        if frames.device.type != "cpu":
            yield frames
            return
        for clip in frames:
            yield from clip.split(max(1, self.BLOCK_SAMPLES // self.config.fft_size))

    def _mel_powers(self, frames: Tensor) -> Tensor:
        """Powers of the bands, (rows, mels), of frames (..., fft_size)."""
        spectra = torch.view_as_real(torch.fft.rfft(frames * self.window))
        squares = spectra.flatten(0, -3).flatten(1)[:, : self.highest].square()
        return torch.cat([squares[:, reach] @ self.paired_filters[reach, band] for reach, band in self.groups], dim=1)


class PreciseLogMel(LogMel):
    """The same in float64, as transformers' extractor computes: bands far below the strongest frequency agree, too."""

    def __init__(self, config: AudioConfig) -> None:
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            super().__init__(config)
        finally:
            torch.set_default_dtype(default)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Computes features (B, frames, mels), of the waveforms' type, and their mask (B, frames)."""
        features, mask = super().forward(waveforms, lengths)
        return features.to(waveforms.dtype), mask


def int16_round_trip(waveforms: Tensor) -> Tensor:
    """Clips waveforms to full scale and rounds them towards 0 to 16 bits a sample, as LAION-CLAP does."""
    return (waveforms.clamp(-1, 1) * 32767).trunc() / 32767


def _mirrored(waveforms: Tensor, lengths: Tensor, left: int, right: int) -> Tensor:
    """Waveforms (B, samples) with so many samples more at the ends of each, which are its own in the mirror."""
    padded = nn.functional.pad(waveforms, (left, right))
    last = (lengths[:, None] - 1).clamp_min(0)
    before = torch.arange(-left, 0, device=waveforms.device).expand(len(waveforms), -1)
    after = lengths[:, None] + torch.arange(right, device=waveforms.device)
    padded[:, :left] = waveforms.gather(1, _folded(before, last))
    return padded.scatter_(1, left + after, waveforms.gather(1, _folded(after, last)))


def _folded(positions: Tensor, last: Tensor) -> Tensor:
    """Where positions beyond 0 to `last` (B, 1) lie in a mirror at both, or in several."""
    period = 2 * last.clamp_min(1)
    once = positions.remainder(period)
    return torch.minimum(torch.minimum(once, period - once), last)


def _reach(filters: Tensor) -> slice:
    """The rows of filters (2 x bins, mels) between the first and the last that are not 0."""
    rows = filters.any(dim=1).nonzero().flatten().tolist()
    return slice(rows[0], rows[-1] + 1) if rows else slice(0, 0)


def _mel_filters(config: AudioConfig) -> Tensor:
    """The (bins, mels) filter bank of torchaudio.

    It computes in torch's default type. In float32 weights are off by up to 6e-6 of a peak: kept for `unit`, whose
    checkpoints were trained so.
    """
    try:
        from torchaudio.functional import melscale_fbanks  # type: ignore[import-untyped]
    except (ImportError, OSError) as error:  # OSError: built for another torch or for CUDA that is not there
        raise ValueError(
            f"torchaudio cannot be loaded beside torch {torch.__version__} ({str(error).splitlines()[0]}): install "
            "'torch>=2.11,<2.15' and 'torchaudio>=2.11,<2.12' from the same index into a fresh virtual environment"
        ) from None
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if config.level == "unit" else torch.float64)
    try:
        filters: Tensor = melscale_fbanks(
            config.fft_size // 2 + 1,
            config.min_hz,
            config.max_hz or config.sample_rate / 2,
            config.num_mels,
            config.sample_rate,
            norm=config.mel_norm,
            mel_scale=config.mel_scale,
        )
    finally:
        torch.set_default_dtype(default)
    return filters.to(default)
