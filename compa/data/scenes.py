"""Scenes composed on the fly: every batch is a pure function of the seed and the batch number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn
from torch.utils.data import DataLoader, Dataset

from compa.data.batch import Batch, Example, collate
from compa.data.loader import TrainingLoader, check_resumed, validation_loader
from compa.data.partition import WHOLE, BatchPartition, partition_of
from compa.data.twin_examples import TextCounts, TwinExamples
from compa.scenes.banks.augmented import AugmentedBank
from compa.scenes.banks.auxiliary import AuxiliaryBank
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from compa.scenes.holdout import HeldOut, training_pairs
from compa.scenes.speech import speaker_and_words

EDIT_SCHEDULE = ("order", "attribute-swap", "attribute-swap")
"""The kinds of twins, which take turns batch by batch: in a batch of one kind the other clips are harder negatives.
Which of two sounds is louder is harder to learn than which is first, so it gets more turns."""
SPEECH_EDIT_SCHEDULE = ("order", "binding", "attribute-swap", "binding")
"""The same for a bank with speakers."""
NUM_TOKENIZER_SCENES = 2000
"""Scenes of each kind whose texts the tokenizer is built from."""


class SceneBatches(Dataset[Batch]):
    """Batches of twin scenes, by number.

    With twins together, batch k holds both scenes of B / 2 twins. With twins apart, batches 2m and 2m + 1 hold the
    same clips as they do with twins together, but first one scene of each of B twins, then the other. So two trainings
    that differ in this alone see the same clips in every two steps. All twins of two such batches are of one kind.

    Args:
        twins: Draws twins of each kind; the kinds take turns.
        num_batches: Batches an epoch.
        batch_size: Clips a batch over all ranks and accumulated steps.
        twins_together: Whether twins share a batch.
        seed: Seeds all draws.
        partition: Which part of every batch this is; element i is the one of step `i % num_steps` of batch
            `i // num_steps`. All parts together are the same for any number of ranks and steps.
    """

    def __init__(
        self,
        twins: Sequence[TwinExamples],
        num_batches: int,
        batch_size: int,
        twins_together: bool,
        seed: int,
        partition: BatchPartition = WHOLE,
    ) -> None:
        partition.check(batch_size, of_twins=twins_together)
        self.num_batches = num_batches
        self.batch_size = batch_size
        self.twins_together = twins_together
        self.seed = seed
        self.partition = partition
        self._twins = twins

    def __len__(self) -> int:
        """Elements of an epoch; higher numbers belong to the next epochs."""
        return self.num_batches * self.partition.num_steps

    def __getitem__(self, index: int) -> Batch:
        """Composes this rank's part of a batch."""
        batch, step = divmod(index, self.partition.num_steps)
        if self.twins_together:
            numbers = range(batch * self.batch_size // 2, (batch + 1) * self.batch_size // 2)
            own = numbers[self.partition.slice_for(len(numbers), step)]
            return collate([example for number in own for example in self.twins(number)])
        first = batch // 2 * self.batch_size
        own = range(first, first + self.batch_size)[self.partition.slice_for(self.batch_size, step)]
        return collate([self.twins(number)[(number + batch) % 2] for number in own])

    def twins(self, number: int) -> tuple[Example, Example]:
        """Composes twins by number."""
        make = self._twins[number // self.batch_size % len(self._twins)]
        return make(str(number), np.random.default_rng([self.seed, number]))


class SceneData(pl.LightningDataModule):
    """Training and validation on scenes composed of an event bank's training recordings.

    Snippets are augmented at random, see `AugmentedBank`, so that few recordings sound like many. Validation composes
    other scenes from the same recordings and label pairs; what is held out for `compa bench` is never used.

    Args:
        events: A folder with one folder a label, or a CSV with `file,label`; None is the built-in synthesizer.
        batch_size: Clips a batch over all ranks and accumulated steps, twins included.
        num_batches: Batches an epoch.
        num_negatives: Hard negative captions of a clip with its twin's claim.
        num_replacements: Hard negative captions of a clip with one label that does not occur.
        num_positives: Further true captions of a clip: its claim in other words, or a part of it.
        kinds: The kinds of twins, which take turns batch by batch, see `TwinExamples`; None is order and
            attribute-swap, and binding where a bank has speakers.
        auxiliary_sounds: Whether the bank's labels are also combined with built-in sounds, see `AuxiliaryBank`.
        twins_together: Whether a scene and its minimal edit share a batch, so that each is the other's hard negative.
        num_validation_batches: Batches of the validation.
        num_workers: Processes that compose scenes beside the training; 0 where the training leaves no core idle.
        sample_rate: That of the model's audio encoder, in Hz.
        seed: Seeds every scene and caption.
        guests: The former name of `auxiliary_sounds`, which is refused.
    """

    def __init__(
        self,
        events: str | None = None,
        batch_size: int = 64,
        num_batches: int = 1000,
        num_negatives: int = 1,
        num_replacements: int = 1,
        num_positives: int = 0,
        kinds: list[str] | None = None,
        auxiliary_sounds: bool = False,
        twins_together: bool = True,
        num_validation_batches: int = 4,
        num_workers: int = 0,
        sample_rate: int = 16000,
        seed: int = 0,
        guests: bool | None = None,
    ) -> None:
        super().__init__()
        if guests is not None:
            raise ValueError(f"guests was renamed: use auxiliary_sounds: {str(guests).lower()}")
        self.events = events
        self.sample_rate = sample_rate
        self.batch_size = batch_size
        self.num_batches = num_batches
        self.counts = TextCounts(num_negatives, num_replacements, num_positives)
        self.auxiliary_sounds = auxiliary_sounds
        self._kinds = kinds
        self.twins_together = twins_together
        self.num_validation_batches = num_validation_batches
        self.num_workers = num_workers
        self.seed = seed
        self._opened: EventBank | None = None

    @property
    def bank(self) -> EventBank:
        """The whole event bank, opened on first use: decoding or synthesizing takes seconds and shows progress."""
        if self._opened is None:
            self._opened = open_bank(self.events, self.sample_rate)
        return self._opened

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of twins, in turns."""
        if self._kinds is not None:
            return self._kinds
        return SPEECH_EDIT_SCHEDULE if any(map(speaker_and_words, self.bank.labels)) else EDIT_SCHEDULE

    def train_dataloader(self) -> TrainingLoader:
        """The batches of one epoch, in order; the next epoch has others."""
        batches = self._batches(self.seed, self.num_batches, self.twins_together, is_training=True)
        return TrainingLoader(batches, len(batches), self.num_workers, self.trainer)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Twins that training does not contain, composed of training recordings and training label pairs."""
        batches = self._batches(
            self.seed + 500_009, self.num_validation_batches, twins_together=True, is_training=False
        )
        return validation_loader(batches, self.num_workers)

    def state_dict(self) -> dict[str, Any]:
        """The settings that the batches depend on, for the checkpoint; the trainer's step is the position."""
        names = ("batch_size", "num_batches", "auxiliary_sounds", "twins_together", "seed")
        decided = {name: getattr(self, name) for name in names} | asdict(self.counts)
        return decided | {"kinds": list(self.kinds), "bank": self.bank.fingerprint}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Refuses to resume with other data than the checkpoint's."""
        if self.trainer and self.trainer.state.fn == TrainerFn.FITTING:
            check_resumed(state, self.state_dict())

    def training_texts(self) -> Iterator[str]:
        """Texts to build a tokenizer from: all labels, and captions of many scenes of each kind."""
        yield from self._trained[0].labels
        for twins in dict.fromkeys(self._twins()):
            yield from twins.texts(NUM_TOKENIZER_SCENES)

    def held_out(self) -> HeldOut:
        """What no training on this data ever uses, for the run folder."""
        return HeldOut.of(self.bank)

    def _batches(self, seed: int, num_batches: int, twins_together: bool, is_training: bool) -> SceneBatches:
        partition = partition_of(self.trainer, is_training)
        return SceneBatches(self._twins(), num_batches, self.batch_size, twins_together, seed, partition)

    def _twins(self) -> list[TwinExamples]:
        bank, pairs = self._trained
        augmented = AugmentedBank(bank.split("train"))
        of_kind = {kind: TwinExamples(kind, augmented, pairs, self.counts) for kind in dict.fromkeys(self.kinds)}
        return [of_kind[kind] for kind in self.kinds]

    @cached_property
    def _trained(self) -> tuple[EventBank, list[tuple[str, str]]]:
        """The bank of the training's sounds, and the label pairs that it may combine."""
        if not self.auxiliary_sounds:
            return self.bank, training_pairs(self.bank.labels)
        if self.events is None:
            raise ValueError(
                "auxiliary_sounds are built-in sounds, as this bank's already are; set events to another bank"
            )
        bank = AuxiliaryBank(self.bank, open_bank(None, self.sample_rate))
        return bank, bank.pairs()
