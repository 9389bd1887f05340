"""The LightningModule of all contrastive stages: embed, compare, log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from compa.data.batch import Batch
from compa.models.clap import CLAP, SCALES
from compa.objectives import Embeddings, InfoNCE, Objective, Temperature
from compa.training.chunks import embed_in_chunks, embed_texts_in_chunks
from compa.training.known_true import known_true
from compa.training.parameters import freeze_weights, parameter_groups
from compa.training.schedule import warmup_cosine
from compa.training.validation import Tally, count_scores


class ContrastiveTask(pl.LightningModule):
    """Trains a CLAP with a contrastive objective.

    The three stages of CompA are three configurations of this: they differ in the objective and in the data.

    Args:
        clap: The model; by default the small one that is trained from scratch. `compa.models.pretrained.start` gives
            one to train on, such as that of the stage before.
        objective: `InfoNCE`, `HardNegativeNCE` or `ModularNCE`.
        learning_rate: Peak of AdamW's learning rate.
        weight_decay: Of matrices; vectors (biases, norms, the temperature) have none.
        warmup_steps: Optimiser steps of linear warm-up; a cosine then falls to 0 at the trainer's `max_steps`.
        temperature: Where the learnable temperature starts.
        skip_known_true: Whether pairs of a text and another clip that it is known to be true of are left out of the
            contrast; plain CLAP counts them as negatives.
        freeze: Patterns of names of the model's weights that stay as they are, such as `text_encoder.*`.
        layer_decay: How much slower each layer of a tower learns than the one above it; 1 makes no difference.
        chunk_size: Clips that are embedded at a time, with as many of the texts: memory for this many, contrast and
            gradients of the whole batch, for about a third more time. None embeds all at once.
        compile_encoders: Whether training runs the encoders through `torch.compile`: minutes at the start, less time a
            step, mostly on GPUs.
    """

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
        super().__init__()
        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f"chunk_size {chunk_size} embeds nothing: take 1 or more, or leave it out")
        self.clap = clap or CLAP()
        self.objective = objective or InfoNCE()
        self.temperature = Temperature(temperature)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.skip_known_true = skip_known_true
        self.layer_decay = layer_decay
        self._frozen = freeze_weights(self.clap, freeze)
        self.train()
        self.chunk_size = chunk_size
        self.compile_encoders = compile_encoders
        self._tally = Tally()

    def train(self, mode: bool = True) -> ContrastiveTask:
        """Trains all but what `freeze` holds back as a whole: its dropout stays off, too."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def setup(self, stage: str) -> None:
        """Builds the tokenizer from the training captions, where the model has none yet.

        Raises:
            ValueError: If the data is of another sample rate than the model's features.
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
        """Embed, compare, log."""
        loss = self.objective(self.embed(batch))
        values = {f"train/{name}": value for name, value in loss.parts.items()}
        values["train/scale"] = self.temperature().detach()
        self.log("train/loss", loss.total, prog_bar=True, batch_size=len(batch.captions), sync_dist=True)
        self.log_dict(values, batch_size=len(batch.captions), sync_dist=True)
        return loss.total

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Logs the loss and counts what `count_scores` tells of."""
        embeddings = self.embed(batch)
        self.log("val/loss", self.objective(embeddings).total, batch_size=len(batch.captions), sync_dist=True)
        count_scores(self._tally, batch, embeddings, self.clap.embed_text)

    def on_validation_epoch_end(self) -> None:
        """Logs the shares of what was counted, which are the same on all ranks."""
        self.log_dict({f"val/{name}": share for name, share in self._tally.shares().items()}, sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with linear warm-up and cosine decay over the trainer's `max_steps`."""
        if self.trainer.max_steps < 1:
            raise ValueError("trainer.max_steps is not set: the learning rate follows the number of optimiser steps")
        groups = parameter_groups(self, self.learning_rate, self.weight_decay, self.layer_decay)
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, betas=(0.9, 0.98))
        schedule = warmup_cosine(self.warmup_steps, self.trainer.max_steps)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Puts the model's description into the checkpoint, so that the file alone is enough to load it.

        The learnt temperature is none of the towers' weights, so the description takes it along.
        """
        self.clap.origin = self.clap.origin | {"scales": dict.fromkeys(SCALES, self.temperature.log_scale.item())}
        checkpoint["clap"] = self.clap.describe()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes over the checkpoint's tokenizer: the weights belong to it."""
        self.clap.text_encoder.use_tokenizer(checkpoint["clap"]["text_encoder"]["init_args"].get("tokenizer"))
