"""Audio encoders of transformers beside HTSAT: AST, Whisper's, and any other that returns frames."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from compa.audio.features import AudioConfig, audio_config
from compa.audio.kaldi import KaldiFilterBank
from compa.models.checkpoints.hub import check_name, read_model, reading, transformers
from compa.models.encoders.audio import AudioEncoder
from compa.models.layers.windows import by_windows

AST_MEAN, AST_STD = -4.2677393, 4.5689974
"""Of AudioSet's features: AST reads them less the mean, divided by twice the deviation."""
SPEECH_RATE = 16000


class AST(AudioEncoder):
    """The audio spectrogram transformer (Gong et al. 2021): frames of 100 ms, the means of its patches of one time.

    Its features are Kaldi's, as transformers' extractor makes them.

    Args:
        config: Left at None: AST reads nothing but its own features, at 16 kHz.
        model: A folder or hub id, whose weights are taken, or values of an `ASTConfig`, which starts with random ones.

    Raises:
        ValueError: If there is no such model.
    """

    def __init__(
        self,
        config: AudioConfig | None = None,
        model: str | dict[str, Any] = "MIT/ast-finetuned-audioset-10-10-0.4593",
    ) -> None:
        super().__init__()
        self.model = read_model(model, "audio-spectrogram-transformer")
        settings = self.model.config
        self.config = AudioConfig(SPEECH_RATE, 400, 160, settings.num_mel_bins, min_hz=20.0)
        self.width = int(settings.hidden_size)
        self.window_seconds = settings.max_length / 100
        self.num_rows = (settings.num_mel_bins - settings.patch_size) // settings.frequency_stride + 1
        self.init_args = {"model": settings.to_dict()}

    def front_end(self) -> nn.Module:
        """Kaldi's log-mel filter bank."""
        return KaldiFilterBank(self.config.sample_rate, self.config.num_mels)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes features (B, T, mels) with mask (B, T) into frames (B, T', width) with mask (B, T')."""
        return by_windows(self._encode, features, mask, self.model.config.max_length, silence=0.0)

    def _encode(self, windows: Tensor) -> Tensor:
        tokens = self.model(input_values=(windows - AST_MEAN) / (2 * AST_STD)).last_hidden_state[:, 2:]
        rows: Tensor = tokens.unflatten(1, (self.num_rows, -1))
        return rows.mean(1)


class WhisperEncoder(AudioEncoder):
    """Whisper's encoder (Radford et al. 2022): frames of 20 ms, windows of 30 s.

    Its features are scaled by the loudest band of each clip, as Whisper's extractor does.

    Args:
        config: Left at None: Whisper reads nothing but its own features, at 16 kHz.
        model: A folder or hub id, whose weights are taken, or values of a `WhisperConfig`, which starts with random
            ones.

    Raises:
        ValueError: If there is no such model.
    """

    def __init__(self, config: AudioConfig | None = None, model: str | dict[str, Any] = "openai/whisper-small") -> None:
        super().__init__()
        self.model = read_model(model, "whisper").get_encoder()
        settings = self.model.config
        self.config = AudioConfig(
            SPEECH_RATE, 400, 160, settings.num_mel_bins, 0.0, 8000.0, edges="reflect", level="decibel"
        )
        self.width = int(settings.d_model)
        self.window_frames = 2 * settings.max_source_positions
        self.window_seconds = self.window_frames / 100
        self.init_args = {"model": settings.to_dict()}

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes features (B, T, mels) with mask (B, T) into frames (B, T', width) with mask (B, T')."""
        if features.shape[1] > 1:  # the last frame, around a clip's very end, is none of Whisper's
            features, is_first = features[:, :-1], torch.arange(features.shape[1] - 1, device=mask.device) == 0
            mask = mask[:, 1:] | is_first
        loudest = features.masked_fill(~mask[..., None], self.config.silence).amax((1, 2), keepdim=True)
        lowest = (loudest - 80.0).clamp_min(self.config.silence)
        scaled = torch.maximum(features, lowest) / 40.0 + 1.0  # of decibels; a decade are 10 of them
        return by_windows(self._encode, scaled, mask, self.window_frames, silence=lowest / 40.0 + 1.0)

    def _encode(self, windows: Tensor) -> Tensor:
        frames: Tensor = self.model(windows.transpose(1, 2)).last_hidden_state
        return frames


class TransformersAudio(AudioEncoder):
    """Any audio model of transformers that gives frames as its `last_hidden_state`: wav2vec 2.0, HuBERT, WavLM, ...

    Clips of one length are encoded together, without padding, so no model can see any. Many lengths in a batch mean
    many small passes: cut clips to one length where you can.

    Args:
        config: What a model that reads log-mel features is given, or a preset's name; None gives it the waveform, at
            16 kHz.
        model: A folder or hub id, whose weights are taken, or a configuration with its `model_type`, whose model
            starts with random weights.
        normalize: Whether waveforms get mean 0 and variance 1; None is what the checkpoint's extractor does.

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
        self.config = AudioConfig(SPEECH_RATE, 400, 160, num_mels=1) if self.reads_waveforms else audio_config(config)
        self.normalize = self.reads_waveforms and (_normalizes(model) if normalize is None else normalize)
        self.width = int(self.model.config.hidden_size)
        self.init_args = {"model": self.model.config.to_dict(), "normalize": self.normalize}

    def front_end(self) -> nn.Module:
        """The waveform itself, or log-mel features."""
        return _Samples() if self.reads_waveforms else super().front_end()

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes features (B, T, mels) with mask (B, T) into frames (B, T', width) with mask (B, T')."""
        lengths = mask.sum(1)
        encoded: dict[int, Tensor] = {}
        for length in sorted(set(lengths.tolist())):
            rows = (lengths == length).nonzero().flatten()
            frames = self._encode(features[rows, :length])
            encoded |= dict(zip(rows.tolist(), frames, strict=True))
        clips = [encoded[row] for row in range(len(features))]
        frames = nn.utils.rnn.pad_sequence(clips, batch_first=True)
        num_frames = torch.tensor([len(clip) for clip in clips], device=mask.device)
        return frames, torch.arange(frames.shape[1], device=mask.device) < num_frames[:, None]

    def _encode(self, clips: Tensor) -> Tensor:
        """Encodes clips (N, T, mels) of one length into frames (N, T', width)."""
        if self.reads_waveforms:
            clips = clips[..., 0]
            if self.normalize:
                clips = (clips - clips.mean(1, keepdim=True)) / (
                    clips.var(1, unbiased=False, keepdim=True) + 1e-7
                ).sqrt()
        frames: Tensor = self.model(clips).last_hidden_state
        return frames


class _Samples(nn.Module):
    """Gives samples as features of one band."""

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        mask = torch.arange(waveforms.shape[1], device=lengths.device) < lengths[:, None]
        return waveforms[..., None] * mask[..., None], mask


def _normalizes(model: str | dict[str, Any]) -> bool:
    if not isinstance(model, str):
        return True
    model = check_name(model)
    with reading(model):
        return bool(getattr(transformers().AutoFeatureExtractor.from_pretrained(model), "do_normalize", True))
