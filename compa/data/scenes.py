"""Scenes composed on the fly: every batch is a pure function of the seed and its number."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn
from torch.utils.data import DataLoader, Dataset

from compa.data.batch import Batch, Example, collate
from compa.data.loader import TrainingLoader, check_resumed
from compa.scenes.bank import EventBank, open_bank
from compa.scenes.captions import caption, in_words, num_ways
from compa.scenes.claims import Louder, Relation, Then
from compa.scenes.holdout import held_out_pairs, training_pairs
from compa.scenes.twins import TWINS, TwinScenes
from compa.scenes.varied import VariedBank

KINDS = ("order", "attribute-swap", "attribute-swap")
"""The kinds of twins, which take turns batch by batch: in a batch of one kind the other clips are harder negatives.
Which of two sounds is louder is harder to learn than which is first, so it gets more turns."""
MAX_GAIN_DB = 4.0
"""Each training clip is played up to so much louder or quieter than rendered."""


class SceneBatches(Dataset[Batch]):
    """Batches of twin scenes, by number.

    With twins together, batch k holds both scenes of B / 2 twins. With twins apart, batches 2m and 2m + 1 hold the
    same clips as they do with twins together, but one scene of each of B twins, then the others. So two trainings
    that differ in this alone see the same clips in every two steps. All twins of such two batches are of one kind.

    Args:
        bank: Where the sounds come from.
        pairs: Label pairs that may be combined.
        num_batches: Batches an epoch; more can be asked for, they belong to the next epochs.
        batch_size: Clips a batch over all ranks.
        num_negatives: Hard negatives a clip: its twin's claim in other words.
        twins_together: Whether twins share a batch.
        seed: Two sets of the same seed are the same.
        rank: Which share of every batch this is ...
        num_ranks: ... of how many; the batch of all ranks together is the same for any number.
        num_replacements: Further hard negatives a clip: its claim with one label replaced by one that is not heard.
            The twin only contrasts labels that are combined; this contrasts every label with every other, without
            which labels of unseen pairs are taken for each other.
    """

    def __init__(
        self,
        bank: EventBank,
        pairs: list[tuple[str, str]],
        num_batches: int,
        batch_size: int,
        num_negatives: int,
        twins_together: bool,
        seed: int,
        rank: int = 0,
        num_ranks: int = 1,
        num_replacements: int = 0,
    ) -> None:
        unit = 2 * num_ranks if twins_together else num_ranks
        if batch_size < unit or batch_size % unit:
            below, above = batch_size // unit * unit, (batch_size // unit + 1) * unit
            nearest = f"{below} or {above}" if below else f"{above}"
            together = "twins on " if twins_together else ""
            raise ValueError(
                f"batch_size {batch_size} does not divide into {together}{num_ranks} ranks: take {nearest}"
            )
        self.bank = bank
        self.pairs = pairs
        self.num_batches = num_batches
        self.batch_size = batch_size
        self.num_negatives = num_negatives
        self.twins_together = twins_together
        self.seed = seed
        self.rank = rank
        self.num_ranks = num_ranks
        self.num_replacements = num_replacements
        self._partners = {
            label: sorted({other for pair in pairs if label in pair for other in pair} - {label})
            for label in bank.labels
        }

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return self.num_batches

    def __getitem__(self, index: int) -> Batch:
        """Composes this rank's share of batch `index`."""
        if self.twins_together:
            numbers = self._share(range(index * self.batch_size // 2, (index + 1) * self.batch_size // 2))
            return collate([example for number in numbers for example in self.twins(number)])
        first = index // 2 * self.batch_size
        numbers = self._share(range(first, first + self.batch_size))
        return collate([self.twins(number)[(number + index) % 2] for number in numbers])

    def _share(self, numbers: range) -> range:
        size = len(numbers) // self.num_ranks
        return numbers[self.rank * size : (self.rank + 1) * size]

    def twins(self, number: int) -> tuple[Example, Example]:
        """Composes twins by number, with a caption and the hard negatives of each."""
        rng = np.random.default_rng([self.seed, number])
        labels = self.pairs[rng.integers(len(self.pairs))]
        labels = labels if rng.random() < 0.5 else labels[::-1]
        kind = KINDS[number // self.batch_size % len(KINDS)]
        twins = TWINS[kind](self.bank, labels, rng)
        first, second = (self._example(twins, side, f"{number}-{'ab'[side]}", rng) for side in (0, 1))
        return first, second

    def _example(self, twins: TwinScenes, side: int, name: str, rng: np.random.Generator) -> Example:
        gain = np.float32(10 ** (rng.uniform(-MAX_GAIN_DB, MAX_GAIN_DB) / 20))
        claim = twins.claims[side]
        text = caption(claim, rng)
        false_claims = [twins.claims[1 - side]] * self.num_negatives
        false_claims += [self._replaced(claim, rng) for _ in range(self.num_replacements)]
        return Example(
            id=name,
            waveform=gain * twins.waveforms[side],
            caption=text,
            claim=str(claim),
            negatives=tuple(caption(false_claim, rng) for false_claim in false_claims),
            negative_claims=tuple(map(str, false_claims)),
            events=twins.scenes[side].events,
            kind=twins.kind,
            twin=name[:-1] + "ba"[side],
        )

    def _replaced(self, claim: Relation, rng: np.random.Generator) -> Relation:
        """The claim with one label replaced, such that training may combine the new one with the other."""
        kept_first = rng.random() < 0.5
        kept = claim.first if kept_first else claim.second
        others = [label for label in self._partners[kept] if label not in claim.labels()]
        if not others:
            return type(claim)(claim.second, claim.first)
        other = others[rng.integers(len(others))]
        return type(claim)(kept, other) if kept_first else type(claim)(other, kept)


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
        twins_together: Whether a scene and its minimal edit share a batch, so that each is the other's hard negative.
        num_validation_batches: Batches of the validation.
        num_workers: Processes that compose scenes beside the training; 0 where the training leaves no core idle.
        seed: Decides every scene and caption.
    """

    def __init__(
        self,
        events: str | None = None,
        batch_size: int = 64,
        num_batches: int = 1000,
        num_negatives: int = 1,
        num_replacements: int = 1,
        twins_together: bool = True,
        num_validation_batches: int = 4,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.events = events
        self.batch_size = batch_size
        self.num_batches = num_batches
        self.num_negatives = num_negatives
        self.num_replacements = num_replacements
        self.twins_together = twins_together
        self.num_validation_batches = num_validation_batches
        self.num_workers = num_workers
        self.seed = seed
        self._opened: EventBank | None = None

    @property
    def bank(self) -> EventBank:
        """The whole event bank, opened on first use: decoding or synthesising takes seconds and shows progress."""
        if self._opened is None:
            self._opened = open_bank(self.events)
        return self._opened

    @property
    def sample_rate(self) -> int:
        """That of the bank, in Hz."""
        return self.bank.sample_rate

    def train_dataloader(self) -> TrainingLoader:
        """The batches of one epoch, in order; the next epoch has others."""
        batches = self._batches(self.seed, self.num_batches, self.twins_together)
        return TrainingLoader(batches, self.num_batches, self.num_workers, self.trainer)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Twins that training does not show, composed of training recordings and training label pairs."""
        batches = self._batches(self.seed + 500_009, self.num_validation_batches, twins_together=True)
        return DataLoader(
            batches, batch_size=None, num_workers=self.num_workers, persistent_workers=self.num_workers > 0
        )

    def state_dict(self) -> dict[str, Any]:
        """What decides the batches, for the checkpoint; where in them the training is, its step tells."""
        names = ("batch_size", "num_batches", "num_negatives", "num_replacements", "twins_together", "seed")
        return {name: getattr(self, name) for name in names} | {"bank": self.bank.fingerprint}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Refuses to go on with other data than the checkpoint's."""
        if self.trainer and self.trainer.state.fn == TrainerFn.FITTING:
            check_resumed(state, self.state_dict())

    def training_texts(self) -> Iterator[str]:
        """Every way to say every training claim: what a tokeniser is built from."""
        for pair, relation in product(training_pairs(self.bank.labels), (Then, Louder)):
            for claim in (relation(*pair), relation(*pair[::-1])):
                yield from (in_words(claim, way) for way in range(num_ways(claim)))

    def held_out(self) -> dict[str, Any]:
        """What no training on this data ever sees: label pairs and recordings, for the run folder."""
        test = self.bank.split("test")
        return {
            "bank": self.bank.name,
            "bank_fingerprint": self.bank.fingerprint,
            "held_out_pairs": sorted(map(list, held_out_pairs(self.bank.labels))),
            "test_recordings": sorted(name for label in test.labels for name in test.recordings(label)),
        }

    def _batches(self, seed: int, num_batches: int, twins_together: bool) -> SceneBatches:
        return SceneBatches(
            VariedBank(self.bank.split("train")),
            training_pairs(self.bank.labels),
            num_batches=num_batches,
            batch_size=self.batch_size,
            num_negatives=self.num_negatives,
            twins_together=twins_together,
            seed=seed,
            rank=self.trainer.global_rank if self.trainer else 0,
            num_ranks=self.trainer.world_size if self.trainer else 1,
            num_replacements=self.num_replacements,
        )
