"""The task of all contrastive stages: embed, compare, log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from compa.audio.features import AudioConfig
from compa.data.batch import Batch
from compa.models import pretrained
from compa.models.clap import CLAP, SCALES, current_description
from compa.objectives import Embeddings, InfoNCE, Objective, Temperature
from compa.training.chunks import embed_in_chunks, embed_texts_in_chunks
from compa.training.known_true import known_true
from compa.training.task import BaseTask
from compa.training.validation import Tally, count_scores


class ContrastiveTask(BaseTask):
    """Trains a CLAP with a contrastive objective.

    The three stages of CompA are three configurations of this task; they differ in the objective and in the data.

    Args:
        clap: The model; by default the small one, trained from scratch. `compa.models.pretrained.start` gives a trained
            one to continue from, such as that of the previous stage.
        objective: `InfoNCE`, `HardNegativeNCE` or `ModularNCE`.
        learning_rate: Peak of AdamW's learning rate.
        weight_decay: Of matrices; vectors (biases, norms, the temperature) have none.
        warmup_steps: Optimizer steps of linear warm-up; a cosine then falls to 0 at the trainer's `max_steps`.
        temperature: Initial value of the learnable temperature.
        skip_known_true: Whether pairs of a text and another clip that it is known to be true of are left out of the
            contrast; plain CLAP counts them as negatives.
        freeze: Patterns of names of the model's weights that are not trained, such as `text_encoder.*`.
        layer_decay: Factor of the learning rate from each layer of a tower to the one below; 1 makes no difference.
        chunk_size: Clips, with as many of the texts, that are embedded at a time: memory for this many, contrast and
            gradients of the whole batch, for about a third more time. None embeds all at once.
        compile_encoders: Whether training runs the encoders through `torch.compile`: minutes at the start, less time
            per step, mostly on GPUs.
    """

    towers = ("audio_encoder.", "text_encoder.")

    def __init__(
        self,
        clap: CLAP | None = None,
        objective: Objective | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.05,
        warmup_steps: int = 100,
        temperature: float = 0.07,
        skip_known_true: bool = True,
        freeze: Sequence[str] = (),
        layer_decay: float = 1.0,
        chunk_size: int | None = None,
        compile_encoders: bool = False,
    ) -> None:
        super().__init__(learning_rate, weight_decay, warmup_steps, layer_decay)
        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f"chunk_size must be at least 1, or left out; got {chunk_size}")
        self.clap = clap or CLAP()
        self.objective = objective or InfoNCE()
        self.temperature = Temperature(temperature)
        self.skip_known_true = skip_known_true
        self.chunk_size = chunk_size
        self.compile_encoders = compile_encoders
        self._tally = Tally()
        self.freeze_weights(self.clap, freeze)

    def setup(self, stage: str) -> None:
        """Builds the tokenizer from the training captions, if the model has none yet.

        Raises:
            ValueError: If the data has another sample rate than the model.
        """
        rate = getattr(getattr(self.trainer, "datamodule", None), "sample_rate", self.clap.sample_rate)
        if rate != self.clap.sample_rate:
            raise ValueError(
                f"the data has {rate} Hz, but the model's audio encoder reads {self.clap.sample_rate} Hz: "
                "set the data's sample_rate, or the encoder's config, to the other"
            )
        if stage == "fit":
            self.clap.text_encoder.fit_tokenizer(self.trainer.datamodule.training_texts())  # type: ignore[attr-defined]
            if self.compile_encoders:
                self.clap.audio_encoder.compile()
                self.clap.text_encoder.compile()

    def embed(self, batch: Batch) -> Embeddings:
        """Embeds clips and texts, all at once or chunk by chunk."""
        num_chunks = math.ceil(len(batch.captions) / (self.chunk_size or len(batch.captions)))
        texts = embed_texts_in_chunks(
            self.clap.embed_text, self.clap.text_encoder, num_chunks, [*batch.captions, *batch.extras]
        )
        return Embeddings(
            audio=self._embed_audio(batch, num_chunks),
            captions=texts[: len(batch.captions)],
            extras=texts[len(batch.captions) :],
            owner=batch.owner,
            is_positive=batch.is_positive,
            scale=self.temperature(),
            known_true=known_true(batch, self.objective.spans_ranks).to(self.device) if self.skip_known_true else None,
        )

    def _embed_audio(self, batch: Batch, num_chunks: int) -> Tensor:
        encoder = self.clap.audio_encoder
        if batch.features is None or batch.num_frames is None:
            return embed_in_chunks(self.clap.embed_audio, encoder, num_chunks, batch.waveforms, batch.lengths)
        mask = torch.arange(batch.features.shape[1], device=self.device) < batch.num_frames[:, None]
        return embed_in_chunks(self.clap.embed_features, encoder, num_chunks, batch.features, mask)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Embeds, compares, logs."""
        loss = self.objective(self.embed(batch))
        values = {f"train/{name}": value for name, value in loss.parts.items()}
        values["train/scale"] = self.temperature().detach()
        self.log("train/loss", loss.total, prog_bar=True, batch_size=len(batch.captions), sync_dist=True)
        self.log_dict(values, batch_size=len(batch.captions), sync_dist=True)
        return loss.total

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Logs the loss and counts the scores of `count_scores`."""
        embeddings = self.embed(batch)
        self.log("val/loss", self.objective(embeddings).total, batch_size=len(batch.captions), sync_dist=True)
        count_scores(self._tally, batch, embeddings, self.clap.embed_text)

    def on_validation_epoch_end(self) -> None:
        """Logs the scores as fractions, which are the same on all ranks."""
        self.log_dict({f"val/{name}": value for name, value in self._tally.fractions().items()}, sync_dist=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds the model's description to the checkpoint, so that the file alone is enough to load the model.

        The learned temperature is not part of the towers' weights, so the description holds it.
        """
        self.clap.origin = self.clap.origin | {"scales": dict.fromkeys(SCALES, self.temperature.log_scale.item())}
        checkpoint["clap"] = self.clap.describe()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes the checkpoint's tokenizer: the weights belong to it."""
        text_encoder = current_description(checkpoint["clap"])["text_encoder"]
        self.clap.text_encoder.use_tokenizer(text_encoder["init_args"].get("tokenizer"))

    def export(self, folder: Path, checkpoint: dict[str, Any]) -> None:
        """Writes the CLAP so that `compa.load(folder)` finds it."""
        pretrained.write(folder, *pretrained.split(checkpoint))

    def describe(self, batch: Batch) -> dict[str, Any]:
        """Lists the clips with their captions, and the further texts."""
        values = batch.waveforms if batch.features is None else batch.features
        return {
            "clips": [
                {"id": example.id, "caption": caption, "values_not_finite": int((~torch.isfinite(clip)).sum())}
                for example, caption, clip in zip(batch.examples, batch.captions, values, strict=True)
            ],
            "extras": [
                {"text": text, "of": owner} for text, owner in zip(batch.extras, batch.owner.tolist(), strict=True)
            ],
        }

    @property
    def log_mel_config(self) -> AudioConfig | None:
        """The features of the audio encoder, if it reads plain log-mel features."""
        return self.clap.audio_encoder.log_mel_config
