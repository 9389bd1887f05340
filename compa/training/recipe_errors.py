"""Explains in one sentence what is wrong with a recipe or an option of `compa fit`."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

from compa.utils.text import unknown_name

_NOISE = re.compile(
    r"(Does not validate .*|Subtypes: .*|Errors:|Expected a <class 'NoneType'>|Given value.*|"
    r"Problem with given class_path '[^']*':|Expected a path .*|)"
)
"""Lines of jsonargparse's reports that only frame the problem."""


def explain(report: str) -> str:
    """Condenses a report of jsonargparse, which nests each problem in those of all classes around it.

    Args:
        report: The text of its `ArgumentError`.

    Returns:
        One sentence: the option, what is wrong with it, and the legal names.
    """
    keys = re.findall(r'Parser key "([^"]+)"', report)
    where = f"--{'.'.join(keys)}: " if keys else ""
    classes = re.findall(r"Problem with given class_path '([^']+)'", report)
    if classes and (options := re.findall(r"Option '([^']+)' is not accepted", report)):
        owner = _class(classes[-1])
        known = list(inspect.signature(owner).parameters)
        return f"{where}{unknown_name(f'option of {owner.__name__}', options[-1].split('.')[0], known)}"
    if abstract := re.findall(r"Expected an instantiatable class, but (\S+) is abstract", report):
        names = _names(_class(abstract[-1]))
        return f"{where}a class_path must be one of {names}; options of the class belong under its init_args"
    if missing := re.findall(r"Expected a dot import path string: (.*)", report):
        base = _class(re.findall(r"Subtypes: \[<class '([^']+)'>", report)[-1])
        return f"{where}{unknown_name(base.__name__, missing[-1], _names(base).split(', '))}"
    lines = [re.sub(r'^\s*(- )?(Parser key "[^"]+":)?\s*', "", line) for line in report.splitlines()]
    return where + " ".join(line for line in lines if not _NOISE.fullmatch(line))


def _class(path: str) -> type:
    module, _, name = path.rpartition(".")
    found: type = getattr(import_module(module), name)
    return found


def _names(base: type) -> str:
    """Names of the imported classes of a kind, without its own and private ones."""
    found, waiting = set(), [base]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if not inspect.isabstract(kind) and not kind.__name__.startswith("_") and kind is not base:
            found.add(kind.__name__)
    return ", ".join(sorted(found))
