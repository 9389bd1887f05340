"""`compa fit` and `compa validate`: LightningCLI over our task and data, with a run folder."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback

from compa.training import run_folder
from compa.training.contrastive import ContrastiveTask
from compa.training.stopping import Stopped


class _SaveConfig(SaveConfigCallback):
    """Puts the whole configuration into the run folder, once data and model have been found to go together."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Waits: a folder with a configuration is a run, and what fails here never became one."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            folder = Path(self.config.out)
            folder.mkdir(parents=True, exist_ok=True)
            self.parser.save(self.config, folder / "config.yaml", skip_none=False, overwrite=True, multifile=False)


class TrainingCLI(LightningCLI):
    """LightningCLI with a run folder, which can be resumed, and a CSV log in it beside any other logger."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the options of ours."""
        parser.add_argument("--out", type=str, default="runs/fit", help="the run folder")
        parser.add_argument("--overwrite", type=bool, default=False, help="delete a run that is there already")
        parser.add_argument(
            "--resume", type=bool, default=False, help="go on with the run that is there, if there is one"
        )
        parser.add_argument(
            "--checkpoint_steps",
            type=int,
            default=run_folder.CHECKPOINT_STEPS,
            help="steps from one checkpoint to the next: what a kill can cost",
        )
        parser.add_argument(
            "--ema_decay",
            type=float | None,
            default=None,
            help="average the weights over steps, such as 0.999: what is validated and what the run's model is",
        )
        parser.add_argument(
            "--best_by",
            type=str | None,
            default=None,
            help="the run's model is the best in the validation by this, such as val/loss or val/order-group",
        )

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Adds the run folder's callbacks and log to those of the configuration."""
        if self.config_init[self.subcommand].weights_only is None:
            self.config_init[self.subcommand].weights_only = True  # a checkpoint is data, it shall run no code
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
        """The run's checkpoint; None where there is no run yet, or it was killed before it had one."""
        options = self.config[self.subcommand]
        if options.overwrite or options.ckpt_path:
            other = "--overwrite" if options.overwrite else "--ckpt_path"
            raise ValueError(
                f"--resume goes on with the run in {folder}, so it cannot stand beside {other}: leave one out"
            )
        checkpoint = folder / run_folder.LAST_CHECKPOINT
        return str(checkpoint) if checkpoint.is_file() else None

    def _run_subcommand(self, subcommand: str) -> None:
        """Lightning ends the process at Ctrl-C; we say what is kept."""
        try:
            super()._run_subcommand(subcommand)
        except SystemExit as end:
            if not self.trainer.interrupted:
                raise
            folder = Path(self.config[subcommand].get("out", ""))
            kept = "nothing was learnt"
            if isinstance(end.__context__, Stopped):
                kept = f"{folder} keeps step {self.trainer.global_step}"
            elif (folder / run_folder.LAST_CHECKPOINT).is_file():
                kept = f"{folder} keeps its last checkpoint"
            raise KeyboardInterrupt(kept) from None


def _is_first() -> bool:
    """Whether this is the first process of all, as torchrun, Slurm or Lightning itself have numbered them."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


def _listed(value: Any) -> list[Any]:
    """What a configuration gives as nothing, one, or several."""
    return list(value) if isinstance(value, list | tuple) else [value] if value else []


def main(arguments: Sequence[str]) -> int:
    """Runs `fit` or `validate` with the arguments after `compa`."""
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # Lightning's use of jsonargparse, not the user's
    with warnings.catch_warnings():
        for message in _NOISE:
            warnings.filterwarnings("ignore", message=message)
        TrainingCLI(
            ContrastiveTask,
            pl.LightningDataModule,
            subclass_mode_data=True,
            save_config_callback=_SaveConfig,
            trainer_defaults={"logger": False, "use_distributed_sampler": False, "log_every_n_steps": 10},
            seed_everything_default=0,
            args=list(arguments),
        )
    return 0


_NOISE = (
    "LightningCLI's args parameter",  # we are the command line
    ".*does not have many workers",  # scenes are composed fast enough
    ".*treespec, LeafSpec",  # Lightning's own use of PyTorch
    ".*is smaller than the logging interval",
    ".*Experiment logs directory .* exists",  # it is the run folder, made for this run
    "Total length of `list` across ranks is zero",  # no validation was asked for
    "Checkpoint directory .* exists and is not empty",
    "Found .* in eval mode at the start of training",  # batch norms of pretrained towers, and frozen ones
    "Be aware that when using `ckpt_path`",  # the run folder's callbacks are none of validation's
)
