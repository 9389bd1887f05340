"""HTSAT, the audio tower of LAION's CLAP, as transformers has it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import torch
from torch import Tensor, nn

from compa.audio.features import PRESETS, AudioConfig, LogMel, PreciseLogMel, audio_config
from compa.models.checkpoints.hub import check_keys, check_name, read_model, read_weights, reading, transformers
from compa.models.encoders.audio import AudioEncoder, Pad
from compa.models.layers.windows import by_windows


class HTSAT(AudioEncoder):
    """A hierarchical token-semantic audio transformer (Chen et al. 2022): 32 frames a window, mostly of 10 s.

    Its batch norms always work with the statistics of their pretraining, so that batch-mates have no influence. Of
    checkpoints with feature fusion the fusing layers are kept and never used: clips longer than a window are embedded
    window by window, where transformers fuses crops drawn at random.

    Args:
        config: The log-mel features it reads, or a name of `compa.audio.features.PRESETS`. None is that of the
            checkpoint's own extractor, or `laion-unfused`.
        model: A folder or hub id with a CLAP checkpoint of transformers, whose audio tower is taken, or values of a
            `ClapAudioConfig`, such as {depths: [2, 2, 12, 2], patch_embeds_hidden_size: 128, hidden_size: 1024} for
            HTSAT-base, which starts with random weights.
        pad: What becomes of clips shorter than a window. `mask` leaves what is not there out of the mean; as CLAP
            checkpoints were trained, `repeatpad` repeats the clip as often as it fits and fills up with zeros,
            `repeat` fills up with the clip's start, and with `zeros` alone the silence counts.
        window_seconds: How long a window is.

    Raises:
        ValueError: If there is no such checkpoint, or features, window and model do not fit.
    """

    def __init__(
        self,
        config: AudioConfig | str | None = None,
        model: str | dict[str, Any] | None = None,
        pad: Pad = "mask",
        window_seconds: float = 10.0,
    ) -> None:
        super().__init__()
        if pad not in get_args(Pad):
            raise ValueError(f"pad {pad!r} is none of {', '.join(get_args(Pad))}")
        if isinstance(model, str):
            self.model, extractor = _read(model)
            config = config or features_of(extractor)
        else:
            self.model = read_model(model or {}, "clap_audio_model")
        self.config = audio_config(config or PRESETS["laion-unfused"])
        settings = self.model.config
        self.pad = pad
        self.window_seconds = window_seconds
        self.window_samples = round(window_seconds * self.config.sample_rate)
        self.window_frames = self.window_samples // self.config.hop_size + (self.config.edges == "reflect")
        self.width = int(self.model.audio_encoder.num_features)
        longest = settings.spec_size * (settings.spec_size // settings.num_mel_bins)
        if self.config.num_mels != settings.num_mel_bins or self.window_frames > longest:
            raise ValueError(
                f"windows of {self.window_frames} frames with {self.config.num_mels} mel bands do not fit the model, "
                f"which takes up to {longest} frames with {settings.num_mel_bins} bands"
            )
        self.init_args = {"model": settings.to_dict(), "pad": pad, "window_seconds": window_seconds}
        if settings.enable_fusion:  # never used, and DistributedDataParallel refuses trained weights without gradients
            self.model.audio_encoder.patch_embed.fusion_model.requires_grad_(False)
            self.model.audio_encoder.patch_embed.mel_conv2d.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> HTSAT:
        """Trains all but the batch norms' statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def front_end(self) -> nn.Module:
        """Log-mel features; where clips are filled up as a checkpoint's are, to the precision of its extractor."""
        return LogMel(self.config) if self.pad == "mask" else PreciseLogMel(self.config)

    def fill(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Fills clips (B, samples) up to a window, as `pad` has it; with `mask` nothing is to be done."""
        if self.pad == "mask":
            return waveforms, lengths
        size = self.window_samples
        if int(lengths.max()) > size:
            seconds = int(lengths.max()) / self.config.sample_rate
            raise ValueError(
                f"a clip of {seconds:g} s is longer than the encoder's window of {self.window_seconds:g} s"
            )
        places = torch.arange(size, device=waveforms.device)
        lengths = lengths[:, None]
        repeats = torch.ones_like(lengths) if self.pad == "zeros" else size // lengths
        filled = waveforms.gather(1, places % lengths)
        if self.pad != "repeat":
            filled = filled * (places < repeats * lengths)
        return filled, torch.full_like(lengths[:, 0], size)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes features (B, T, mels) with mask (B, T) into frames (B, T', width) with mask (B, T')."""
        is_whole = features.shape[1] == self.window_frames and (torch.compiler.is_compiling() or bool(mask.all()))
        if self.pad != "mask" and not is_whole:
            raise ValueError(f"pad {self.pad!r} fills waveforms, not features: take pad 'mask', or no feature_cache")
        return by_windows(self._encode, features, mask, self.window_frames, self.config.silence)

    def _encode(self, windows: Tensor) -> Tensor:
        """Encodes windows (N, frames, mels) into frames (N, T', width)."""
        is_longer = torch.zeros(len(windows), 1, dtype=torch.bool, device=windows.device)
        image: Tensor = self.model(input_features=windows[:, None], is_longer=is_longer).last_hidden_state
        return image.mean(2).transpose(1, 2)


def features_of(extractor: Any) -> AudioConfig:
    """The features that a `ClapFeatureExtractor` makes; its kind of truncation decides the mel scale."""
    preset = PRESETS["laion-fused" if extractor.truncation == "fusion" else "laion-unfused"]
    return replace(
        preset,
        sample_rate=int(extractor.sampling_rate),
        fft_size=int(extractor.fft_window_size),
        hop_size=int(extractor.hop_length),
        num_mels=int(extractor.feature_size),
        min_hz=float(extractor.frequency_min),
        max_hz=float(extractor.frequency_max),
        int16=False,
    )


def _read(name: str) -> tuple[Any, Any]:
    package, name = transformers(), check_name(name)
    with reading(name):
        extractor = package.ClapFeatureExtractor.from_pretrained(name)
    model, missing, _ = read_weights(package.ClapModel, name)
    check_keys(name, [key for key in missing if key.startswith("audio_model.")], ())
    return model.audio_model, extractor
