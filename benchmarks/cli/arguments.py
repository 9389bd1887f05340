"""What can be asked of `compa bench`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

Doors: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

DESCRIPTION = "Measures whether a model tells who sounds when, and how loud."
MODELS = "run folder, checkpoint, hf:NAME, mteb:NAME, control:NAME, or python:MODULE:FACTORY"
SIDE = "result file, or model in --results; several seeds with commas between them, or * in names"
TRAIN = "what models were trained on (manifest, folder of shards or run folder)"


def parser(doors: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """Reads a command line; its `door` is what runs the command.

    Args:
        doors: What runs each command.
    """
    whole = argparse.ArgumentParser(prog="compa bench", description=DESCRIPTION)
    commands = whole.add_subparsers(required=True, metavar=" | ".join(doors))
    for name, door in doors.items():
        _COMMANDS[name](commands).set_defaults(door=door)
    return whole


def _add_list(doors: Doors) -> argparse.ArgumentParser:
    return doors.add_parser("list", help="say which tasks and controls there are", description=DESCRIPTION)


def _add_run(doors: Doors) -> argparse.ArgumentParser:
    door = doors.add_parser(
        "run",
        help="measure models in tasks",
        description="Measures models in tasks. What is finished is kept, so that the same command goes on after a "
        "kill; a result of other weights, data, seed or version is replaced.",
    )
    door.add_argument("--model", action="append", required=True, help=f"{MODELS}; repeat for several")
    _add_task(door)
    _add_material(door)
    door.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for results, one JSON each")
    door.add_argument("--seed", type=int, default=0, help="of controls that draw (default: 0)")
    door.add_argument(
        "--device", type=_devices, default=(), help="such as cpu, cuda:1, or cuda:0,cuda:1 (default: a GPU, if any)"
    )
    door.add_argument(
        "--pad",
        choices=("repeatpad", "repeat", "zeros"),
        help="how hf: models and LAION's fill up short clips (default: their own way)",
    )
    door.add_argument("--train", metavar="PATH", type=Path, action="append", default=[], help=f"{TRAIN}: warn of it")
    door.add_argument("--cache", metavar="DIR", type=Path, help="for embeddings (default: compa in $XDG_CACHE_HOME)")
    door.add_argument("--no-cache", action="store_true", help="keep no embeddings beyond this run")
    door.add_argument("--overwrite", action="store_true", help="measure anew what is there already")
    return door


def _add_compare(doors: Doors) -> argparse.ArgumentParser:
    door = doors.add_parser(
        "compare",
        help="compare two models item by item",
        description="Compares two models on the items that both were measured on: paired bootstrap and McNemar test.",
    )
    door.add_argument("one", metavar="A", help=SIDE)
    door.add_argument("other", metavar="B", help="likewise")
    door.add_argument("--results", metavar="DIR", type=Path, help="folder of results, to find models in by name")
    return door


def _add_audit(doors: Doors) -> argparse.ArgumentParser:
    door = doors.add_parser(
        "audit",
        help="look for items of a benchmark in training data",
        description="Looks for YouTube and freesound ids, sounds and captions that a benchmark shares with training "
        "data. Exit code 0: nothing; 1: something is shared. `run --train` writes the same into results.",
    )
    door.add_argument("--train", metavar="PATH", type=Path, action="append", required=True, help=TRAIN)
    _add_task(door)
    _add_material(door)
    door.add_argument("--no-audio", action="store_true", help="compare no sounds, which takes decoding them all")
    return door


def _add_validate(doors: Doors) -> argparse.ArgumentParser:
    door = doors.add_parser(
        "validate",
        help="check result files",
        description="Checks result files against the schema, and their figures against their items.",
    )
    door.add_argument("results", type=Path, metavar="PATH", nargs="+", help="result files, or folders of them")
    return door


def _add_export(doors: Doors) -> argparse.ArgumentParser:
    door = doors.add_parser(
        "export",
        help="write the items of tasks as files",
        description="Writes rendered items as files with a fingerprint, which `run --data DIR` measures on anywhere.",
    )
    _add_task(door)
    door.add_argument("--events", metavar="DIR|CSV", help="sounds to render scenes from (default: built-in ones)")
    door.add_argument("--out", metavar="DIR", type=Path, required=True, help="a folder for each task goes there")
    return door


def _add_report(doors: Doors) -> argparse.ArgumentParser:
    door = doors.add_parser(
        "report",
        help="make one web page of results, or the tables of a paper",
        description="Makes one self-contained web page of results, or tables in Markdown or CSV.",
    )
    door.add_argument("results", type=Path, metavar="DIR", help="folder of results, as `run` writes them")
    door.add_argument("--out", metavar="FILE", type=Path, required=True, help="a page (.html), or tables (.md, .csv)")
    door.add_argument("--events", metavar="DIR|CSV", help="sounds of scenes to listen to (default: those of `run`)")
    door.add_argument("--data", metavar="DIR", type=Path, help="files to listen to (default: those of `run`)")
    door.add_argument(
        "--run", metavar="DIR", type=Path, action="append", default=[], help="run folder: its training curves; repeat"
    )
    return door


_COMMANDS: dict[str, Callable[[Doors], argparse.ArgumentParser]] = {
    "list": _add_list,
    "run": _add_run,
    "compare": _add_compare,
    "audit": _add_audit,
    "validate": _add_validate,
    "export": _add_export,
    "report": _add_report,
}


def _add_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", action="append", required=True, help="see `compa bench list`; repeat for several")


def _add_material(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", metavar="DIR|CSV", help="sounds to render scenes from (default: built-in ones)")
    parser.add_argument(
        "--data", metavar="DIR|FILE", type=Path, help="files of a benchmark, a manifest, labelled sounds"
    )
    parser.add_argument("--labels", metavar="JSON", type=Path, help="zero-shot: the labels to choose from")
    parser.add_argument("--templates", metavar="JSON", type=Path, help="zero-shot: sentences with {} for the label")
    parser.add_argument("--limit", metavar="N", type=_count, help="only the first N items: a try, not comparable")


def _devices(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
