"""Scenes composed on the fly: every batch is a pure function of the seed and its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn
from torch.utils.data import DataLoader, Dataset

from compa.data.batch import Batch, Example, collate
from compa.data.loader import TrainingLoader, check_resumed, validation_loader
from compa.data.partition import WHOLE, BatchPartition, partition_of
from compa.data.twin_examples import ComposedTwins, Further, TwinExamples, make_twins
from compa.scenes.banks.augmented import VariedBank
from compa.scenes.banks.auxiliary import GuestBank
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from compa.scenes.claims import Has, Louder, Then
from compa.scenes.holdout import held_out_pairs, training_pairs
from compa.scenes.old_captions import in_words, num_ways
from compa.scenes.speech import speaker_and_words

KINDS = ("order", "attribute-swap", "attribute-swap")
"""The kinds of twins, which take turns batch by batch: in a batch of one kind the other clips are harder negatives.
Which of two sounds is louder is harder to learn than which is first, so it gets more turns."""
NUM_TOKENISER_SCENES = 2000
SPEECH_KINDS = ("order", "binding", "attribute-swap", "binding")
"""The same for a bank that tells who says what."""


class SceneBatches(Dataset[Batch]):
    """Batches of twin scenes, by number.

    With twins together, batch k holds both scenes of B / 2 twins. With twins apart, batches 2m and 2m + 1 hold the
    same clips as they do with twins together, but one scene of each of B twins, then the others. So two trainings
    that differ in this alone see the same clips in every two steps. All twins of such two batches are of one kind.

    Args:
        twins: What makes twins of each kind, which take turns.
        num_batches: Batches an epoch.
        batch_size: Clips a batch over all ranks and accumulated steps.
        twins_together: Whether twins share a batch.
        seed: Two sets of the same seed are the same.
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
        """How many elements an epoch has; more can be asked for, they belong to the next epochs."""
        return self.num_batches * self.partition.num_steps

    def __getitem__(self, index: int) -> Batch:
        """Composes this rank's share."""
        batch, step = divmod(index, self.partition.num_steps)
        if self.twins_together:
            numbers = range(batch * self.batch_size // 2, (batch + 1) * self.batch_size // 2)
            share = numbers[self.partition.slice_for(len(numbers), step)]
            return collate([example for number in share for example in self.twins(number)])
        first = batch // 2 * self.batch_size
        share = range(first, first + self.batch_size)[self.partition.slice_for(self.batch_size, step)]
        return collate([self.twins(number)[(number + batch) % 2] for number in share])

    def twins(self, number: int) -> tuple[Example, Example]:
        """Composes twins by number."""
        make = self._twins[number // self.batch_size % len(self._twins)]
        return make(str(number), np.random.default_rng([self.seed, number]))


class SceneData(pl.LightningDataModule):
    """Training and validation on scenes composed of an event bank's training recordings.

    Snippets are varied at random, see `VariedBank`, so that few recordings sound like many. Validation composes other
    scenes from the same recordings and label pairs: what is held out for `compa bench` is never looked at.

    Args:
        events: A folder with one folder a label, or a CSV with `file,label`; None is the built-in synthesiser.
        batch_size: Clips a batch over all ranks and accumulated steps, twins included.
        num_batches: Batches an epoch.
        num_negatives: Hard negative captions a clip that say its twin's claim.
        num_replacements: Hard negative captions a clip that name one label which is not heard.
        num_positives: Further true captions a clip: the same in other words, or one of its sounds alone.
        kinds: The kinds of twins, which take turns batch by batch; None is order and attribute-swap, and binding where
            a bank tells who says what. Those two are scenes of two events, as the tasks of that name measure; other
            kinds are composed as `compa scenes render` does.
        guests: Whether built-in sounds keep those of the bank company, so that few labels meet in many pairs.
        twins_together: Whether a scene and its minimal edit share a batch, so that each is the other's hard negative.
        num_validation_batches: Batches of the validation.
        num_workers: Processes that compose scenes beside the training; 0 where the training leaves no core idle.
        sample_rate: That of the model's audio encoder, in Hz.
        seed: Decides every scene and caption.
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
        guests: bool = False,
        twins_together: bool = True,
        num_validation_batches: int = 4,
        num_workers: int = 0,
        sample_rate: int = 16000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.events = events
        self.sample_rate = sample_rate
        self.batch_size = batch_size
        self.num_batches = num_batches
        self.further = Further(num_negatives, num_replacements, num_positives)
        self.guests = guests
        self._kinds = kinds
        self.twins_together = twins_together
        self.num_validation_batches = num_validation_batches
        self.num_workers = num_workers
        self.seed = seed
        self._opened: EventBank | None = None

    @property
    def bank(self) -> EventBank:
        """The whole event bank, opened on first use: decoding or synthesising takes seconds and shows progress."""
        if self._opened is None:
            self._opened = open_bank(self.events, self.sample_rate)
        return self._opened

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of twins, in turns."""
        if self._kinds is not None:
            return self._kinds
        return SPEECH_KINDS if any(map(speaker_and_words, self.bank.labels)) else KINDS

    def train_dataloader(self) -> TrainingLoader:
        """The batches of one epoch, in order; the next epoch has others."""
        batches = self._batches(self.seed, self.num_batches, self.twins_together, is_training=True)
        return TrainingLoader(batches, len(batches), self.num_workers, self.trainer)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Twins that training does not show, composed of training recordings and training label pairs."""
        batches = self._batches(
            self.seed + 500_009, self.num_validation_batches, twins_together=True, is_training=False
        )
        return validation_loader(batches, self.num_workers)

    def state_dict(self) -> dict[str, Any]:
        """What decides the batches, for the checkpoint; where in them the training is, its step tells."""
        names = ("batch_size", "num_batches", "guests", "twins_together", "seed")
        decided = {name: getattr(self, name) for name in names} | asdict(self.further)
        return decided | {"kinds": list(self.kinds), "bank": self.bank.fingerprint}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Refuses to go on with other data than the checkpoint's."""
        if self.trainer and self.trainer.state.fn == TrainerFn.FITTING:
            check_resumed(state, self.state_dict())

    def training_texts(self) -> Iterator[str]:
        """Every way to say every training claim: what a tokeniser is built from."""
        _, pairs = self._trained
        for pair, relation in product(dict.fromkeys(pairs), (Then, Louder)):
            for claim in (relation(*pair), relation(*pair[::-1])):
                yield from (in_words(claim, way) for way in range(num_ways(claim)))
        for label in self._trained[0].labels if self.further.num_positives else ():
            yield from (in_words(Has(label), way) for way in range(num_ways(Has(label))))
        for make in self._twins():
            if isinstance(make, ComposedTwins):
                yield from make.texts(NUM_TOKENISER_SCENES)

    def held_out(self) -> dict[str, Any]:
        """What no training on this data ever sees: label pairs and recordings, for the run folder."""
        test = self.bank.split("test")
        return {
            "bank": self.bank.name,
            "bank_fingerprint": self.bank.fingerprint,
            "held_out_pairs": sorted(map(list, held_out_pairs(self.bank.labels))),
            "test_recordings": sorted(name for label in test.labels for name in test.recordings(label)),
        }

    def _batches(self, seed: int, num_batches: int, twins_together: bool, is_training: bool) -> SceneBatches:
        partition = partition_of(self.trainer, is_training)
        return SceneBatches(self._twins(), num_batches, self.batch_size, twins_together, seed, partition)

    def _twins(self) -> list[TwinExamples]:
        bank, pairs = self._trained
        varied = VariedBank(bank.split("train"))
        made = {kind: make_twins(kind, varied, pairs, self.further) for kind in dict.fromkeys(self.kinds)}
        return [made[kind] for kind in self.kinds]

    @cached_property
    def _trained(self) -> tuple[EventBank, list[tuple[str, str]]]:
        """Where training takes its sounds from, and the label pairs that it may combine."""
        if not self.guests:
            return self.bank, training_pairs(self.bank.labels)
        if self.events is None:
            raise ValueError("guests are built-in sounds, which are all of this bank already: name a bank with events")
        bank = GuestBank(self.bank, open_bank(None, self.sample_rate))
        return bank, bank.pairs()
