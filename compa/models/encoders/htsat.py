"""HTSAT, the audio tower of LAION's CLAP, as implemented in transformers."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any, get_args

import torch
from torch import Tensor, nn

from compa.audio.features import PRESETS, AudioConfig, LogMel, PreciseLogMel, audio_config
from compa.models.checkpoints.hub import check_keys, check_name, naming, read_model, read_weights, reading, transformers
from compa.models.encoders.audio import AudioEncoder, Pad
from compa.models.frames import Frames
from compa.models.layers.windows import by_windows


class HTSAT(AudioEncoder):
    """A hierarchical token-semantic audio transformer (Chen et al. 2022): 32 frames a window, mostly of 10 s.

    Its batch norms always use their pretraining's statistics, so that the other clips of a batch have no influence. The
    layers for feature fusion that some checkpoints have are kept and never used: clips longer than a window are
    embedded window by window, where transformers fuses crops drawn at random.

    All layers are those of the last stage: its input and the output of each of its blocks. Earlier stages have shorter
    vectors at finer times.

    Args:
        config: The log-mel features it reads, or a name of `compa.audio.features.PRESETS`. None is that of the
            checkpoint's own extractor, or `laion-unfused`.
        model: A folder or hub id with a CLAP checkpoint of transformers, whose audio tower is read, or values of a
            `ClapAudioConfig`, such as {depths: [2, 2, 12, 2], patch_embeds_hidden_size: 128, hidden_size: 1024} for
            HTSAT-base, for random weights.
        pad: How clips shorter than a window are handled. `mask` leaves padding out of the mean; as CLAP checkpoints
            were trained, `repeatpad` repeats the clip as often as it fits and fills up with zeros, `repeat` fills up
            with the clip's start, `zeros` with silence.
        window_seconds: Length of a window; None is that of the checkpoint's extractor, or 10.

    Raises:
        ValueError: If there is no such checkpoint, or features, window and model do not fit.
    """

    def __init__(
        self,
        config: AudioConfig | str | None = None,
        model: str | dict[str, Any] | None = None,
        pad: Pad = "mask",
        window_seconds: float | None = None,
    ) -> None:
        super().__init__()
        if pad not in get_args(Pad):
            raise ValueError(f"pad must be one of {', '.join(get_args(Pad))}; got {pad!r}")
        if isinstance(model, str):
            self.model, extractor = _read(model)
            with naming(model):
                config = config or features_of(extractor)
            window_seconds = window_seconds or extractor.nb_max_samples / extractor.sampling_rate
        else:
            self.model = read_model(model or {}, "clap_audio_model")
        self.config = audio_config(config or PRESETS["laion-unfused"])
        settings = self.model.config
        self.pad = pad
        self.window_seconds = window_seconds or 10.0
        self.window_samples = round(self.window_seconds * self.config.sample_rate)
        self.window_frames = self.window_samples // self.config.hop_size + (self.config.edges == "reflect")
        self.width = int(self.model.audio_encoder.num_features)
        self.num_layers = int(settings.depths[-1]) + 1
        with naming(model) if isinstance(model, str) else nullcontext():
            self._check_features()
        encoder = self.model.audio_encoder
        num_frames = encoder.freq_ratio * encoder.input_resolutions[-1][1]
        self.frame_seconds = self.window_seconds / num_frames
        self.init_args = {"model": settings.to_dict(), "pad": pad, "window_seconds": self.window_seconds}
        if settings.enable_fusion:  # never used, and DistributedDataParallel refuses trained weights without gradients
            self.model.audio_encoder.patch_embed.fusion_model.requires_grad_(False)
            self.model.audio_encoder.patch_embed.mel_conv2d.requires_grad_(False)
        self.train()

    def _check_features(self) -> None:
        settings = self.model.config
        longest = settings.spec_size * (settings.spec_size // settings.num_mel_bins)
        if self.config.num_mels != settings.num_mel_bins or self.window_frames > longest:
            raise ValueError(
                f"windows of {self.window_frames} frames with {self.config.num_mels} mel bands do not fit the model, "
                f"which reads up to {longest} frames with {settings.num_mel_bins} bands"
            )

    def train(self, mode: bool = True) -> HTSAT:
        """Trains all but the batch norms' statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def front_end(self) -> nn.Module:
        """Log-mel features; in float64, as in transformers' extractor, if clips are filled up as for a checkpoint."""
        return LogMel(self.config) if self.pad == "mask" else PreciseLogMel(self.config)

    def prepare(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Fills clips (B, samples) up to a window, unless `pad` is `mask`."""
        waveforms, lengths = super().prepare(waveforms, lengths)
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

    def forward(self, features: Tensor, mask: Tensor, all_layers: bool = False) -> Frames:
        """Encodes features (B, T, mels) with mask (B, T); all layers are those of the last stage."""
        is_whole = features.shape[1] == self.window_frames and (torch.compiler.is_compiling() or bool(mask.all()))
        if self.pad != "mask" and not is_whole:
            raise ValueError(f"pad {self.pad!r} fills waveforms, not features: use pad 'mask', or no feature_cache")
        encode = self._encode_all if all_layers else self._encode
        layers, mask = by_windows(encode, features, mask, self.window_frames, self.config.silence)
        return Frames(layers, mask, self.frame_seconds)

    def _encode(self, windows: Tensor) -> tuple[Tensor, ...]:
        """Encodes windows (N, frames, mels) into the last layer (N, T', width)."""
        is_longer = torch.zeros(len(windows), 1, dtype=torch.bool, device=windows.device)
        image: Tensor = self.model(input_features=windows[:, None], is_longer=is_longer).last_hidden_state
        return (image.mean(2).transpose(1, 2),)

    def _encode_all(self, windows: Tensor) -> tuple[Tensor, ...]:
        """Encodes windows into the layers of the last stage; transformers itself returns one a stage."""
        seen: list[Tensor] = []

        def keep(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen.append(inputs[0])

        hooks = [block.register_forward_pre_hook(keep) for block in self.model.audio_encoder.layers[-1].blocks]
        try:
            last = self._encode(windows)
        finally:
            for hook in hooks:
                hook.remove()
        return (*map(self._in_time, seen), *last)

    def _in_time(self, tokens: Tensor) -> Tensor:
        """Frames (N, T', width) of a stage's tokens (N, rows x columns, width).

        The image has stretches of time one above the other, each with all bands.
        """
        num_columns = self.model.audio_encoder.input_resolutions[-1][1]
        image = tokens.view(len(tokens), self.model.audio_encoder.freq_ratio, -1, num_columns, self.width)
        return image.mean(2).flatten(1, 2)


def features_of(extractor: Any) -> AudioConfig:
    """The features of a `ClapFeatureExtractor`; its kind of truncation determines the mel scale.

    Raises:
        ValueError: If its frequencies and its sample rate contradict each other.
    """
    if extractor.frequency_max > extractor.sampling_rate / 2:
        raise ValueError(
            f"the feature extractor does not fit the model: its frequency_max is {extractor.frequency_max} Hz, above "
            f"half of its sampling_rate, {extractor.sampling_rate} Hz"
        )
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
