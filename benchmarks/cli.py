"""`compa bench`: list what can be measured, measure models, compare them, look for leaks, report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.embedding_cache import EmbeddingCache
    from benchmarks.results import Result
    from benchmarks.scorer import Scorer
    from benchmarks.tasks import Material, TestSet
    from compa.models.audio_encoder import Pad

DESCRIPTION = "Measures whether a model tells who sounds when, and how loud."
MODELS = "run folder, checkpoint, hf:NAME, mteb:NAME, control:NAME, or python:MODULE:FACTORY"
SIDE = "result file, or model in --results; several seeds with commas between them, or * in names"
TRAIN = "what models were trained on (manifest, folder of shards or run folder)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa bench` and returns its exit code.

    Args:
        arguments: What stands after `compa bench`; the process's own arguments where None.

    Raises:
        ValueError: For what a user can put right; nothing else could be done.
    """
    options = _parser().parse_args(arguments)
    return int(options.door(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compa bench", description=DESCRIPTION)
    doors = parser.add_subparsers(required=True, metavar="list | run | compare | audit | export | validate | report")

    listing = doors.add_parser("list", help="say which tasks and controls there are", description=DESCRIPTION)
    listing.set_defaults(door=_list)

    running = doors.add_parser(
        "run",
        help="measure models in tasks",
        description="Measures models in tasks. What is finished is kept, so that the same command goes on after a "
        "kill; a result of other weights, data, seed or version is replaced.",
    )
    running.add_argument("--model", action="append", required=True, help=f"{MODELS}; repeat for several")
    running.add_argument("--task", action="append", required=True, help="see `compa bench list`; repeat for several")
    _add_material(running)
    running.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for results, one JSON each")
    running.add_argument("--seed", type=int, default=0, help="of controls that draw (default: 0)")
    running.add_argument(
        "--device", type=_devices, default=(), help="such as cpu, cuda:1, or cuda:0,cuda:1 (default: a GPU, if any)"
    )
    running.add_argument(
        "--pad",
        choices=("repeatpad", "repeat", "zeros"),
        help="how hf: models and LAION's fill up short clips (default: their own way)",
    )
    running.add_argument("--train", metavar="PATH", type=Path, action="append", default=[], help=f"{TRAIN}: warn of it")
    running.add_argument("--cache", metavar="DIR", type=Path, help="for embeddings (default: compa in $XDG_CACHE_HOME)")
    running.add_argument("--no-cache", action="store_true", help="keep no embeddings beyond this run")
    running.add_argument("--overwrite", action="store_true", help="measure anew what is there already")
    running.set_defaults(door=_run)

    comparing = doors.add_parser(
        "compare",
        help="compare two models item by item",
        description="Compares two models on the items that both were measured on: paired bootstrap and McNemar test.",
    )
    comparing.add_argument("one", metavar="A", help=SIDE)
    comparing.add_argument("other", metavar="B", help="likewise")
    comparing.add_argument("--results", metavar="DIR", type=Path, help="folder of results, to find models in by name")
    comparing.set_defaults(door=_compare)

    auditing = doors.add_parser(
        "audit",
        help="look for items of a benchmark in training data",
        description="Looks for YouTube and freesound ids, sounds and captions that a benchmark shares with training "
        "data. Exit code 0: nothing; 1: something is shared. `run --train` writes the same into results.",
    )
    auditing.add_argument("--train", metavar="PATH", type=Path, action="append", required=True, help=TRAIN)
    auditing.add_argument("--task", action="append", required=True, help="see `compa bench list`; repeat for several")
    _add_material(auditing)
    auditing.add_argument("--no-audio", action="store_true", help="compare no sounds, which takes decoding them all")
    auditing.set_defaults(door=_audit)

    validating = doors.add_parser(
        "validate",
        help="check result files",
        description="Checks result files against the schema, and their figures against their items.",
    )
    validating.add_argument("results", type=Path, metavar="PATH", nargs="+", help="result files, or folders of them")
    validating.set_defaults(door=_validate)

    exporting = doors.add_parser(
        "export",
        help="write the items of tasks as files",
        description="Writes rendered items as files with a fingerprint, which `run --data DIR` measures on anywhere.",
    )
    exporting.add_argument("--task", action="append", required=True, help="see `compa bench list`; repeat for several")
    exporting.add_argument("--events", metavar="DIR|CSV", help="sounds to render scenes from (default: built-in ones)")
    exporting.add_argument("--out", metavar="DIR", type=Path, required=True, help="a folder for each task goes there")
    exporting.set_defaults(door=_export)

    reporting = doors.add_parser(
        "report",
        help="make one web page of results, or the tables of a paper",
        description="Makes one self-contained web page of results, or tables in Markdown or CSV.",
    )
    reporting.add_argument("results", type=Path, metavar="DIR", help="folder of results, as `run` writes them")
    reporting.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="a page (.html), or tables (.md, .csv)"
    )
    reporting.add_argument(
        "--events", metavar="DIR|CSV", help="sounds of scenes to listen to (default: those of `run`)"
    )
    reporting.add_argument("--data", metavar="DIR", type=Path, help="files to listen to (default: those of `run`)")
    reporting.add_argument(
        "--run", metavar="DIR", type=Path, action="append", default=[], help="run folder: its training curves; repeat"
    )
    reporting.set_defaults(door=_report)
    return parser


def _add_material(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", metavar="DIR|CSV", help="sounds to render scenes from (default: built-in ones)")
    parser.add_argument(
        "--data", metavar="DIR|FILE", type=Path, help="files of a benchmark, a manifest, labelled sounds"
    )
    parser.add_argument("--labels", metavar="JSON", type=Path, help="zero-shot: the labels to choose from")
    parser.add_argument("--templates", metavar="JSON", type=Path, help="zero-shot: sentences with {} for the label")
    parser.add_argument("--limit", metavar="N", type=_count, help="only the first N items: a try, not comparable")


def _material(options: argparse.Namespace) -> Material:
    from benchmarks.tasks import Material

    return Material(options.events, options.data, options.labels, options.templates)


def _list(_: argparse.Namespace) -> int:
    from benchmarks.controls import CONTROLS
    from benchmarks.tasks import tasks

    print("Tasks")
    for name, task in tasks().items():
        print(f"  {name} (version {task.version})\n    {task.measures}.\n    needs {task.needs}")
    print("\nModels\n  a run folder or one of its checkpoints\n  hf:NAME, a CLAP checkpoint of transformers")
    print("  mteb:NAME, an audio model of MTEB\n  python:MODULE:FACTORY, a model of your own")
    for name in CONTROLS:
        print(f"  control:{name}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from benchmarks.results import make_folder
    from benchmarks.runner import run_all
    from benchmarks.table import text_table
    from benchmarks.tasks import find_task

    for task in options.task:
        find_task(task)  # what is wrong is said before anything is loaded
    scorers = _open_models(options.model, options.seed, options.device, _cache(options), options.pad)
    material = _material(options)
    if options.events:
        _ = material.bank  # likewise
    make_folder(options.out)

    failed = []

    def tell(model: str, task: str, error: Exception) -> None:
        failed.append(model)
        what = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
        _say(f"{task} of {model} failed: {what}{' '.join(str(error).split())}")

    done: list[Result] = []
    files = {name: getattr(options, name) for name in ("data", "labels", "templates")}
    notes = {"events": options.events, "limit": options.limit} | {
        name: path and str(path) for name, path in files.items()
    }
    notes |= {"device": ",".join(options.device)} if options.device else {}
    for saved in run_all(
        scorers,
        options.task,
        material,
        options.out,
        options.seed,
        notes,
        tell,
        limit=options.limit,
        overwrite=options.overwrite,
        warnings=_warner(options, material),
    ):
        done.append(saved.result)
        _say(f"{'kept' if saved.kept else 'replaced' if saved.replaced else 'wrote'} {saved.path}")
    if done:
        print(text_table(done))
    return 1 if failed else 0


def _export(options: argparse.Namespace) -> int:
    from benchmarks.tasks import Material, find_task
    from benchmarks.tasks.frozen import write_frozen

    material = Material(options.events)
    for task in [find_task(name) for name in dict.fromkeys(options.task)]:
        print(write_frozen(task, task.prepare(material), options.out))
    return 0


def _cache(options: argparse.Namespace) -> EmbeddingCache:
    from benchmarks.embedding_cache import EmbeddingCache, cache_folder

    if options.no_cache or options.cache:
        return EmbeddingCache(None if options.no_cache else options.cache)
    try:
        return EmbeddingCache(cache_folder())
    except ValueError as error:  # nobody asked for it, so it is no reason to stop
        _say(f"{error}; now embeddings are kept for this run alone")
        return EmbeddingCache()


def _open_models(
    names: Sequence[str], seed: int, devices: Sequence[str], cache: EmbeddingCache, pad: Pad | None
) -> dict[str, Scorer]:
    """The models by what results call them."""
    from benchmarks.scorer import MTEB, PYTHON, model_name, open_scorer

    scorers: dict[str, Scorer] = {}
    for name in dict.fromkeys(names):
        called = model_name(name)
        if called in scorers:
            raise ValueError(f"two models would both be called {called!r} in results: give each its own --out")
        if devices and name.startswith(PYTHON):
            _say(f"--device does not reach {name}: its own code decides")
        if pad and name.startswith((PYTHON, MTEB)):
            _say(f"--pad does not reach {name}: its own code decides")
        scorers[called] = open_scorer(name, seed, devices, cache, pad)
    return scorers


def _warner(options: argparse.Namespace, material: Material) -> Callable[[str, TestSet], list[str]]:
    """Says once which files are left out, and what a model may have been trained on; gives the latter to results."""
    from benchmarks.contamination import audit, training_clips
    from benchmarks.heldout import leaks
    from benchmarks.results import WARNINGS
    from benchmarks.scorer import CONTROL, model_name

    paths = {model_name(name): Path(name) for name in options.model if Path(name).exists()}
    audited: list[tuple[TestSet, list[str]]] = []
    told: set[str] = set()

    def say(message: str) -> None:
        if message not in told:
            told.add(message)
            _say(message)

    def warnings(model: str, test_set: TestSet) -> list[str]:
        bank = material.bank_in_use
        for file, reason in bank.skipped.items() if bank else ():
            say(f"left out {file}: {reason}")
        for warning in test_set.data.get(WARNINGS, ()):
            say(f"warning: {test_set.data.get('name', 'the data')}: {warning}")
        if options.limit and (found := test_set.data["found"]) < (expected := test_set.data["expected"]):
            say(f"only {found} of {expected} items, as --limit asks: such scores are not comparable with those of all")
        if model.startswith(CONTROL):
            return []
        sentences = []
        if bank and model in paths and test_set.data.get("name") == bank.name:
            sentences = leaks(paths[model], bank)
        if options.train and not (audited and audited[-1][0] is test_set):
            clips = (clip for source in options.train for clip in training_clips(source))
            shared = audit(test_set.items, clips)
            audited.append((test_set, [one.sentence(len(test_set.items)) for one in shared]))
        sentences += audited[-1][1] if options.train else []
        for sentence in sentences:
            say(f"warning: {model}: {sentence}, so its score may be too good")
        return sentences

    return warnings


def _compare(options: argparse.Namespace) -> int:
    from benchmarks.compare import NOTE, by_task, comparison_table, find_side

    sides = [by_task(find_side(name, options.results)) for name in (options.one, options.other)]
    both = [task for task in sides[0] if task in sides[1]]
    if not both:
        one, other = (", ".join(side) for side in sides)
        raise ValueError(f"no task was measured on both sides: {options.one} has {one}, {options.other} has {other}")
    for task in both:
        print(comparison_table(sides[0][task], sides[1][task]), end="\n\n")
    print(NOTE)
    for task in sides[0].keys() ^ sides[1].keys():
        _say(f"left out {task}: only {options.one if task in sides[0] else options.other} was measured in it")
    return 0


def _audit(options: argparse.Namespace) -> int:
    from benchmarks.contamination import audit, training_clips
    from benchmarks.tasks import find_task

    chosen = [find_task(name) for name in dict.fromkeys(options.task)]
    material = _material(options)
    is_shared = False
    for task in chosen:
        items = task.prepare(material, options.limit).items
        clips = (clip for source in options.train for clip in training_clips(source))
        shared = audit(items, clips, sounds=not options.no_audio)
        is_shared = is_shared or bool(shared)
        print(f"{task.name}: {len(items)} items")
        for one in shared:
            print(f"  {one.sentence(len(items))}")
        if not shared:
            what = "ids and captions" if options.no_audio else "ids, sounds and captions"
            print(f"  nothing is shared ({what} were compared)")
    return 1 if is_shared else 0


def _validate(options: argparse.Namespace) -> int:
    from benchmarks.validate import flaws, result_files

    files = result_files(options.results)
    bad = {path: found for path in files if (found := flaws(path))}
    for path, found in bad.items():
        for flaw in found:
            _say(f"{path}: {flaw}")
    print(f"{len(files) - len(bad)} of {len(files)} results are valid")
    return 1 if bad else 0


def _report(options: argparse.Namespace) -> int:
    from benchmarks.report import report
    from benchmarks.tasks import Material

    given = Material(options.events, options.data) if options.events or options.data else None
    report(options.results, options.out, given, options.run, _say)
    print(options.out)
    return 0


def _devices(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _say(message: str) -> None:
    print(f"compa bench: {message}", file=sys.stderr)
