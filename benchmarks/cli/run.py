"""`compa bench run`: measures models in tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cli.options import add_inputs, add_tasks, add_train, inputs_of, say
from compa.utils.arguments import CommandParser, add_out_folder, add_overwrite, add_seed

if TYPE_CHECKING:
    from benchmarks.models.embedding_cache import EmbeddingCache
    from benchmarks.models.open import Model
    from benchmarks.models.options import ModelOptions
    from benchmarks.results.result import Result
    from benchmarks.tasks.task import TaskInputs, TestSet


def main(arguments: Sequence[str]) -> int:
    """Runs the command with the arguments after its name; returns the exit code."""
    options = _parser().parse_args(arguments)
    from benchmarks.models.options import ModelOptions
    from benchmarks.tasks import find_task

    for task in options.tasks:
        find_task(task)  # errors that need nothing loaded come first
    inputs = inputs_of(options)
    cache = _open_cache(options.cache, options.no_cache)
    notes = {name: value and str(value) for name, value in vars(options).items() if name in _NOTED}
    notes["limit"] = options.limit
    if options.device:
        notes["device"] = ",".join(options.device)
    return measure(
        open_models(options.models, ModelOptions(options.seed, options.device, cache, options.pad)),
        options.tasks,
        inputs,
        options.out,
        options.seed,
        notes,
        train=options.train,
        limit=options.limit,
        overwrite=options.overwrite,
    )


def measure(
    models: dict[str, Model],
    tasks: Sequence[str],
    inputs: TaskInputs,
    out: Path,
    seed: int = 0,
    notes: dict[str, Any] | None = None,
    *,
    train: Sequence[Path] = (),
    limit: int | None = None,
    overwrite: bool = False,
) -> int:
    """Measures models in tasks and prints a table; see `benchmarks.runner.run_all` for the arguments.

    Args:
        models: By their names in results.
        tasks: Names of tasks.
        inputs: What the tasks make their items of.
        out: Folder for the result files.
        seed: Recorded in the results.
        notes: Stored under `run` in the results.
        train: What the models were trained on: what it shares with the items becomes a warning in the results.
        limit: Only the first so many items.
        overwrite: Measure again what is there already.

    Returns:
        The exit code: 1 if a model failed in a task, after all others were measured.
    """
    from benchmarks.results.result import make_folder
    from benchmarks.results.table import text_table
    from benchmarks.runner import run_all

    if isinstance(inputs.events, str):
        _ = inputs.bank  # errors in the recordings come before anything is measured
    make_folder(out)
    failed = []

    def on_error(model: str, task: str, error: Exception) -> None:
        failed.append(model)
        kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
        say(f"{task} of {model} failed: {kind}{' '.join(str(error).split())}")

    done: list[Result] = []
    warnings = _warnings(models, inputs, train, limit)
    for saved in run_all(
        models, tasks, inputs, out, seed, notes, on_error, limit=limit, overwrite=overwrite, warnings=warnings
    ):
        done.append(saved.result)
        say(f"{'kept' if saved.kept else 'replaced' if saved.replaced else 'wrote'} {saved.path}")
        for finding in saved.findings:
            say(f"warning: {saved.result.model} in {saved.result.task}: {finding}")
    if done:
        print(text_table(done))
    return 1 if failed else 0


def open_models(names: Sequence[str], options: ModelOptions) -> dict[str, Model]:
    """Opens models, by their names in results.

    Raises:
        ValueError: If a model cannot be opened, or two would have the same name in results.
    """
    from benchmarks.models.names import MTEB, PYTHON, model_name
    from benchmarks.models.open import Model

    models: dict[str, Model] = {}
    for name in dict.fromkeys(names):
        if (shown := model_name(name)) in models:
            raise ValueError(f"two models would both be named {shown!r} in results: give each its own --out")
        if options.devices and name.startswith(PYTHON):
            say(f"--device has no effect on {name}: its own code decides")
        if options.pad and name.startswith((PYTHON, MTEB)):
            say(f"--pad has no effect on {name}: its own code decides")
        models[shown] = Model(name, options)
    return models


def _open_cache(folder: Path | None, no_cache: bool) -> EmbeddingCache:
    from benchmarks.models.embedding_cache import EmbeddingCache, cache_folder

    if no_cache or folder:
        return EmbeddingCache(None if no_cache else folder)
    try:
        return EmbeddingCache(cache_folder())
    except ValueError as error:  # the default cache is a convenience, so the run goes on without it
        say(f"{error}; embeddings are kept for this run only")
        return EmbeddingCache()


def _warnings(
    models: dict[str, Model], inputs: TaskInputs, train: Sequence[Path], limit: int | None
) -> Callable[[str, TestSet], list[str]]:
    """A function that prints once what makes scores doubtful, and returns what a model may have been trained on."""
    from benchmarks.checks.contamination import audit, training_clips
    from benchmarks.checks.held_out import leaks
    from benchmarks.models.names import is_control

    paths = {name: path for name, model in models.items() if (path := Path(model.name)).exists()}
    audited: list[tuple[TestSet, list[str]]] = []
    printed: set[str] = set()

    def say_once(message: str) -> None:
        if message not in printed:
            printed.add(message)
            say(message)

    def shared_with_training(test_set: TestSet) -> list[str]:
        if not (audited and audited[-1][0] is test_set):
            clips = (clip for source in train for clip in training_clips(source))
            shared = audit(test_set.items, clips)
            audited.append((test_set, [one.sentence(len(test_set.items)) for one in shared]))
        return audited[-1][1]

    def warnings(model: str, test_set: TestSet) -> list[str]:
        bank, data = inputs.bank_in_use, test_set.data
        for file, reason in bank.skipped.items() if bank else ():
            say_once(f"left out {file}: {reason}")
        for warning in data.get("warnings", ()):
            say_once(f"warning: {data.get('name', 'the data')}: {warning}")
        if limit and data["found"] < data["expected"]:
            say_once(
                f"only {data['found']} of {data['expected']} items because of --limit: "
                "such scores are not comparable with those of all items"
            )
        if is_control(model):
            return []
        sentences = []
        if bank and model in paths and data.get("name") == bank.name:
            sentences += leaks(paths[model], bank)
        if train:
            sentences += shared_with_training(test_set)
        for sentence in sentences:
            say_once(f"warning: {model}: {sentence}, so its score may be too good")
        return sentences

    return warnings


_NOTED = ("events", "data", "labels", "templates")


def _parser() -> CommandParser:
    parser = CommandParser(
        "compa bench run",
        "Measures models in tasks. Finished results are kept, so after a kill the same command continues; a result of "
        "other weights, data, seed or version is replaced.",
        "compa bench run --model runs/mine --model control:random --task scenes-order --out results/",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        dest="models",
        action="append",
        required=True,
        help="run folder, checkpoint, hf:NAME, mteb:NAME, control:NAME, or python:MODULE:FACTORY; repeat for several",
    )
    add_tasks(parser)
    add_inputs(parser)
    add_out_folder(parser, "folder for results, one JSON file each")
    add_seed(parser, "seed of controls that draw at random")
    parser.add_argument(
        "--device",
        metavar="DEVICES",
        type=_devices,
        default=(),
        help="such as cpu, cuda:1, or cuda:0,cuda:1 (default: a GPU if there is one)",
    )
    parser.add_argument(
        "--pad",
        choices=("repeatpad", "repeat", "zeros"),
        help="how hf: models and LAION's pad short clips (default: the checkpoint's own way)",
    )
    add_train(parser, ": warns of items that are in it")
    parser.add_argument(
        "--cache", metavar="DIR", type=Path, help="folder for embeddings (default: compa in $XDG_CACHE_HOME)"
    )
    parser.add_argument("--no-cache", action="store_true", help="keep embeddings for this run only")
    add_overwrite(parser, "measure again what is there already")
    return parser


def _devices(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
