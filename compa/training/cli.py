"""`compa fit` and `compa validate`: LightningCLI for any `BaseTask` and LightningDataModule, with a run folder."""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from jsonargparse import ActionYesNo, ArgumentError
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback

from compa.training import run_folder
from compa.training.recipe_errors import explain
from compa.training.stopping import Stopped
from compa.training.task import BaseTask

RECIPE_PACKAGES = ("compa.training", "compa.data", "compa.models", "compa.models.encoders", "compa.objectives")
"""Recipes may name classes in modules of these packages without their modules: `class_path: SceneData`."""


class _SaveConfig(SaveConfigCallback):
    """Writes the whole configuration into the run folder, once data and model are known to fit each other."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Does nothing yet: a folder with a configuration is a run, and a failure in `setup` must not leave one."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            folder = Path(self.config.out)
            folder.mkdir(parents=True, exist_ok=True)
            self.parser.save(self.config, folder / run_folder.CONFIG, skip_none=False, overwrite=True, multifile=False)


class TrainingCLI(LightningCLI):
    """LightningCLI with a run folder, which can be resumed, and a CSV log in it beside any other logger."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the options of the run folder."""
        parser.add_argument("--out", type=str, default="runs/fit", help="the run folder")
        for name, help in (
            ("overwrite", "delete a run that is already in the run folder"),
            ("resume", "continue the run that is in the run folder, if there is one"),
        ):  # with a value or without: --resume, --resume true
            parser.add_argument(f"--{name}", action=ActionYesNo, nargs="?", default=False, help=help)
        parser.add_argument(
            "--checkpoint_steps",
            type=int,
            default=run_folder.CHECKPOINT_STEPS,
            help="optimizer steps between checkpoints: a kill costs at most this many",
        )
        parser.add_argument(
            "--ema_decay",
            type=float | None,
            default=None,
            help="average the weights over steps, such as 0.999; the average is validated and exported",
        )
        parser.add_argument(
            "--best_by",
            type=str | None,
            default=None,
            help="export the model that is best in validation by this metric, such as val/loss or val/order-group",
        )

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Adds the run folder's callbacks and log to those of the configuration."""
        if self.config_init[self.subcommand].weights_only is None:
            self.config_init[self.subcommand].weights_only = True  # a checkpoint is data and must not run code
        if self.subcommand != "fit":
            return super().instantiate_trainer(**kwargs, enable_checkpointing=False)
        options, configured = self.config[self.subcommand], self.config_init[self.subcommand].trainer
        folder = Path(options.out)
        if options.resume:
            self.config_init[self.subcommand].ckpt_path = self._checkpoint_to_resume(folder)
        if _is_first() and not self.config_init[self.subcommand].ckpt_path:
            run_folder.prepare(folder, overwrite=options.overwrite or options.resume)
        callbacks = run_folder.callbacks(
            folder, _listed(configured.callbacks), options.checkpoint_steps, options.ema_decay, options.best_by
        )
        loggers = [*_listed(configured.logger), run_folder.csv_logger(folder)]
        plugins = [*_listed(configured.plugins), run_folder.WholeCheckpoints()]
        return super().instantiate_trainer(**kwargs, callbacks=callbacks, logger=loggers, plugins=plugins)

    def _checkpoint_to_resume(self, folder: Path) -> str | None:
        """The run's last checkpoint; None if there is no run yet, or it was killed before its first one."""
        options = self.config[self.subcommand]
        if options.overwrite or options.ckpt_path:
            other = "--overwrite" if options.overwrite else "--ckpt_path"
            raise ValueError(f"--resume continues the run in {folder} and excludes {other}: omit one of them")
        checkpoint = folder / run_folder.LAST_CHECKPOINT
        return str(checkpoint) if checkpoint.is_file() else None

    def _run_subcommand(self, subcommand: str) -> None:
        """Says what is kept after Ctrl-C, for which Lightning ends the process."""
        try:
            super()._run_subcommand(subcommand)
        except SystemExit as end:
            if not self.trainer.interrupted:
                raise
            folder = Path(self.config[subcommand].get("out", ""))
            kept = "nothing was learned"
            if isinstance(end.__context__, Stopped):
                kept = f"{folder} keeps step {self.trainer.global_step}"
            elif (folder / run_folder.LAST_CHECKPOINT).is_file():
                kept = f"{folder} keeps its last checkpoint"
            raise KeyboardInterrupt(kept) from None


def _is_first() -> bool:
    """Whether this is the first of all processes, as torchrun, Slurm or Lightning number them."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


def _listed(value: Any) -> list[Any]:
    """A list of what a configuration gives as nothing, one object, or several."""
    return list(value) if isinstance(value, list | tuple) else [value] if value else []


def _import_recipe_classes() -> None:
    """Imports all modules whose classes recipes may name without their modules: jsonargparse knows imported ones."""
    for name in RECIPE_PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(name).__path__, f"{name}."):
            if not module.ispkg:
                importlib.import_module(module.name)


def main(arguments: Sequence[str]) -> int:
    """Runs `fit` or `validate` with the arguments after `compa`."""
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # Lightning's use of jsonargparse, not the user's
    _import_recipe_classes()
    raising = {"exit_on_error": False}
    with warnings.catch_warnings():
        for message in _NOISE:
            warnings.filterwarnings("ignore", message=message)
        try:
            TrainingCLI(
                BaseTask,
                pl.LightningDataModule,
                subclass_mode_model=True,
                subclass_mode_data=True,
                save_config_callback=_SaveConfig,
                trainer_defaults={"logger": False, "use_distributed_sampler": False, "log_every_n_steps": 10},
                parser_kwargs={"prog": "compa", **raising, "fit": raising, "validate": raising},
                seed_everything_default=0,
                args=list(arguments),
            )
        except ArgumentError as error:
            print(f"compa {arguments[0]}: {explain(str(error))}", file=sys.stderr)
            return 2
    return 0


_NOISE = (
    "LightningCLI's args parameter",  # arguments come from `compa.cli`
    ".*does not have many workers",  # scenes are composed fast enough
    ".*treespec, LeafSpec",  # Lightning's own use of PyTorch
    ".*is smaller than the logging interval",
    ".*Experiment logs directory .* exists",  # it is the run folder, made for this run
    "Total length of `list` across ranks is zero",  # no validation is configured
    "Checkpoint directory .* exists and is not empty",
    "Found .* in eval mode at the start of training",  # batch norms of pretrained towers, and frozen ones
    "Be aware that when using `ckpt_path`",  # the run folder's callbacks are not those of validation
)
