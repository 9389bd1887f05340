"""`compa bench`: list what can be measured, measure models, compare them, look for leaks, report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cli.arguments import parser

if TYPE_CHECKING:
    from benchmarks.models.embedding_cache import EmbeddingCache
    from benchmarks.results.result import Result
    from benchmarks.scorer import Scorer
    from benchmarks.tasks import Material, TestSet
    from compa.models.encoders.audio import Pad


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa bench` and returns its exit code.

    Args:
        arguments: What stands after `compa bench`; the process's own arguments where None.

    Raises:
        ValueError: For what a user can put right; nothing else could be done.
    """
    options = parser(DOORS).parse_args(arguments)
    return int(options.door(options))


def _material(options: argparse.Namespace) -> Material:
    from benchmarks.tasks import Material

    return Material(options.events, options.data, options.labels, options.templates)


def _list(_: argparse.Namespace) -> int:
    from benchmarks.models.controls import CONTROLS
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
    from benchmarks.results.result import make_folder
    from benchmarks.results.table import text_table
    from benchmarks.runner import run_all
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
    from benchmarks.tasks.exported import write_frozen

    material = Material(options.events)
    for task in [find_task(name) for name in dict.fromkeys(options.task)]:
        print(write_frozen(task, task.prepare(material), options.out))
    return 0


def _cache(options: argparse.Namespace) -> EmbeddingCache:
    from benchmarks.models.embedding_cache import EmbeddingCache, cache_folder

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
    from benchmarks.checks.contamination import audit, training_clips
    from benchmarks.checks.held_out import leaks
    from benchmarks.results.result import WARNINGS
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
    from benchmarks.results.compare import NOTE, by_task, comparison_table, find_side

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
    from benchmarks.checks.contamination import audit, training_clips
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
    from benchmarks.results.validate import flaws, result_files

    files = result_files(options.results)
    bad = {path: found for path in files if (found := flaws(path))}
    for path, found in bad.items():
        for flaw in found:
            _say(f"{path}: {flaw}")
    print(f"{len(files) - len(bad)} of {len(files)} results are valid")
    return 1 if bad else 0


def _report(options: argparse.Namespace) -> int:
    from benchmarks.report import write_report
    from benchmarks.tasks import Material

    given = Material(options.events, options.data) if options.events or options.data else None
    write_report(options.results, options.out, given, options.run, _say)
    print(options.out)
    return 0


def _say(message: str) -> None:
    print(f"compa bench: {message}", file=sys.stderr)


DOORS = {
    "list": _list,
    "run": _run,
    "compare": _compare,
    "audit": _audit,
    "export": _export,
    "validate": _validate,
    "report": _report,
}
"""What runs each command."""
