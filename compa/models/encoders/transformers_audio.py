"""Audio encoders of transformers beside HTSAT: AST, Whisper's, and any other that returns frames."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from compa.audio.features import AudioConfig, audio_config
from compa.audio.kaldi import KaldiFilterBank
from compa.models.checkpoints.hub import check_extractor, read_extractor, read_model
from compa.models.encoders.audio import AudioEncoder
from compa.models.frames import Frames
from compa.models.layers.windows import by_windows

AST_MEAN, AST_STD = -4.2677393, 4.5689974
"""Of AudioSet's features."""
SPEECH_RATE = 16000


class AST(AudioEncoder):
    """The audio spectrogram transformer (Gong et al. 2021): a frame every 100 ms, the mean of the patches of one time.

    Its features are Kaldi's, as transformers' extractor makes them.

    Args:
        config: Left at None: AST reads nothing but its own features, at 16 kHz.
        model: A folder or hub id, whose weights are read, or values of an `ASTConfig`, for random weights.
        mean: Of the training data's features; it is subtracted. None is the checkpoint's, or AudioSet's.
        std: The features are divided by twice this standard deviation. None is the checkpoint's, or AudioSet's.

    Raises:
        ValueError: If there is no such model, or its feature extractor does not fit it.
    """

    def __init__(
        self,
        config: AudioConfig | None = None,
        model: str | dict[str, Any] = "MIT/ast-finetuned-audioset-10-10-0.4593",
        mean: float | None = None,
        std: float | None = None,
    ) -> None:
        super().__init__()
        self.model = read_model(model, "audio-spectrogram-transformer")
        settings = self.model.config
        extractor = read_extractor(model) if isinstance(model, str) else None
        if extractor is not None:
            expected = {"num_mel_bins": settings.num_mel_bins, "max_length": settings.max_length}
            check_extractor(str(model), extractor, expected | {"sampling_rate": SPEECH_RATE})
        self.mean = float(getattr(extractor, "mean", AST_MEAN) if mean is None else mean)
        self.std = float(getattr(extractor, "std", AST_STD) if std is None else std)
        self.config = AudioConfig(SPEECH_RATE, 400, 160, settings.num_mel_bins, min_hz=20.0)
        self.width = int(settings.hidden_size)
        self.num_layers = int(settings.num_hidden_layers) + 1
        self.frame_seconds = settings.time_stride / 100
        self.window_seconds = settings.max_length / 100
        self.num_rows = (settings.num_mel_bins - settings.patch_size) // settings.frequency_stride + 1
        self.init_args = {"model": settings.to_dict(), "mean": self.mean, "std": self.std}

    def front_end(self) -> nn.Module:
        """Kaldi's log-mel filter bank."""
        return KaldiFilterBank(self.config.sample_rate, self.config.num_mels)

    def forward(self, features: Tensor, mask: Tensor, all_layers: bool = False) -> Frames:
        """Encodes features (B, T, mels) with mask (B, T); the first layer is what enters the blocks."""

        def encode(windows: Tensor) -> list[Tensor]:
            layers = layers_of(self.model, (windows - self.mean) / (2 * self.std), all_layers)
            return [layer[:, 2:].reshape(len(layer), self.num_rows, -1, self.width).mean(1) for layer in layers]

        layers, mask = by_windows(encode, features, mask, self.model.config.max_length, silence=0.0)
        return Frames(layers, mask, self.frame_seconds)


class WhisperEncoder(AudioEncoder):
    """Whisper's encoder (Radford et al. 2022): a frame every 20 ms, windows of 30 s.

    Its features are scaled by the loudest band of each clip, as in Whisper's extractor.

    Args:
        config: Left at None: Whisper reads nothing but its own features, at 16 kHz.
        model: A folder or hub id, whose weights are read, or values of a `WhisperConfig`, for random weights.

    Raises:
        ValueError: If there is no such model, or its feature extractor does not fit it.
    """

    def __init__(self, config: AudioConfig | None = None, model: str | dict[str, Any] = "openai/whisper-small") -> None:
        super().__init__()
        self.model = read_model(model, "whisper").get_encoder()
        settings = self.model.config
        extractor = read_extractor(model) if isinstance(model, str) else None
        if extractor is not None:
            expected = {"sampling_rate": SPEECH_RATE, "feature_size": settings.num_mel_bins, "n_fft": 400}
            expected |= {"hop_length": 160, "nb_max_frames": 2 * settings.max_source_positions}
            check_extractor(str(model), extractor, expected)
        self.config = AudioConfig(
            SPEECH_RATE, 400, 160, settings.num_mel_bins, 0.0, 8000.0, edges="reflect", level="decibel"
        )
        self.width = int(settings.d_model)
        self.num_layers = int(settings.encoder_layers) + 1
        self.frame_seconds = 0.02
        self.window_frames = 2 * settings.max_source_positions
        self.window_seconds = self.window_frames / 100
        self.init_args = {"model": settings.to_dict()}

    def forward(self, features: Tensor, mask: Tensor, all_layers: bool = False) -> Frames:
        """Encodes features (B, T, mels) with mask (B, T); the first layer is what enters the blocks."""
        if features.shape[1] > 1:  # Whisper leaves out the last frame, around the end of a clip
            features, is_first = features[:, :-1], torch.arange(features.shape[1] - 1, device=mask.device) == 0
            mask = mask[:, 1:] | is_first
        loudest = features.masked_fill(~mask[..., None], self.config.silence).amax((1, 2), keepdim=True)
        lowest = (loudest - 80.0).clamp_min(self.config.silence)
        scaled = torch.maximum(features, lowest) / 40.0 + 1.0  # features are decibels, Whisper's are decades

        def encode(windows: Tensor) -> tuple[Tensor, ...]:
            return layers_of(self.model, windows.transpose(1, 2), all_layers)

        layers, mask = by_windows(encode, scaled, mask, self.window_frames, silence=lowest / 40.0 + 1.0)
        return Frames(layers, mask, self.frame_seconds)


class TransformersAudio(AudioEncoder):
    """Any audio model of transformers whose `last_hidden_state` are frames: wav2vec 2.0, HuBERT, WavLM, ...

    Clips of one length are encoded together, without padding, so that no model sees any. Many lengths in a batch mean
    many small passes: cut clips to one length where possible.

    Args:
        config: The log-mel features of a model that reads such, or a preset's name; None for models that read
            waveforms, at the sample rate of the checkpoint's extractor, or 16 kHz.
        model: A folder or hub id, whose weights are read, or a configuration with its `model_type`, for random weights.
        normalize: Whether waveforms get mean 0 and variance 1; None is the setting of the checkpoint's extractor.

    Raises:
        ValueError: If there is no such model.
    """

    def __init__(
        self,
        config: AudioConfig | str | None = None,
        model: str | dict[str, Any] = "microsoft/wavlm-base-plus",
        normalize: bool | None = None,
    ) -> None:
        super().__init__()
        self.model = read_model(model)
        self.reads_waveforms = config is None or (isinstance(config, AudioConfig) and config.num_mels == 1)
        extractor = read_extractor(model) if isinstance(model, str) else None
        if isinstance(config, AudioConfig) or not self.reads_waveforms:
            self.config = audio_config(config)
            if extractor is not None:
                check_extractor(str(model), extractor, {"sampling_rate": self.config.sample_rate})
        else:
            self.config = AudioConfig(int(getattr(extractor, "sampling_rate", SPEECH_RATE)), 400, 160, num_mels=1)
        if normalize is None:
            normalize = bool(getattr(extractor, "do_normalize", True))
        self.normalize = self.reads_waveforms and normalize
        self.width = int(self.model.config.hidden_size)
        self.num_layers = int(self.model.config.num_hidden_layers) + 1
        self.frame_seconds = self.config.hop_size / self.config.sample_rate
        if self.reads_waveforms:
            if not hasattr(self.model.config, "conv_stride"):
                kind = self.model.config.model_type
                raise ValueError(f"{kind} does not read waveforms: give its log-mel features as config")
            self.frame_seconds = math.prod(self.model.config.conv_stride) / self.config.sample_rate
        self.init_args = {"model": self.model.config.to_dict(), "normalize": self.normalize}

    def front_end(self) -> nn.Module:
        """The waveform itself, or log-mel features."""
        return _Samples() if self.reads_waveforms else super().front_end()

    def forward(self, features: Tensor, mask: Tensor, all_layers: bool = False) -> Frames:
        """Encodes features (B, T, mels) with mask (B, T); the first layer is what enters the blocks."""
        lengths = mask.sum(1)
        encoded: dict[int, tuple[Tensor, ...]] = {}
        for length in sorted(set(lengths.tolist())):
            rows = (lengths == length).nonzero().flatten()
            layers = self._encode(features[rows, :length], all_layers)
            encoded |= dict(zip(rows.tolist(), zip(*layers, strict=True), strict=True))
        by_layer = zip(*(encoded[row] for row in range(len(features))), strict=True)
        padded = tuple(nn.utils.rnn.pad_sequence(list(clips), batch_first=True) for clips in by_layer)
        num_frames = torch.tensor([len(encoded[row][0]) for row in range(len(features))], device=mask.device)
        mask = torch.arange(padded[0].shape[1], device=mask.device) < num_frames[:, None]
        return Frames(padded, mask, self.frame_seconds)

    def _encode(self, clips: Tensor, all_layers: bool) -> tuple[Tensor, ...]:
        """Encodes clips (N, T, mels) of one length into layers (N, T', width)."""
        if self.reads_waveforms:
            clips = clips[..., 0]
            if self.normalize:
                clips = (clips - clips.mean(1, keepdim=True)) / (
                    clips.var(1, unbiased=False, keepdim=True) + 1e-7
                ).sqrt()
        return layers_of(self.model, clips, all_layers)


def layers_of(model: Any, inputs: Tensor, all_layers: bool) -> tuple[Tensor, ...]:
    """Layers (N, T', width) of a model of transformers: what enters its blocks and each block's output, or the last.

    The last layer is the model's output, after its final norm.
    """
    found = model(inputs, output_hidden_states=all_layers)
    earlier = found.hidden_states[:-1] if all_layers else ()
    return (*earlier, found.last_hidden_state)


class _Samples(nn.Module):
    """Returns samples as features of one band."""

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        mask = torch.arange(waveforms.shape[1], device=lengths.device) < lengths[:, None]
        return waveforms[..., None] * mask[..., None], mask
