"""The structure of the code: no circle of imports, and no import from a layer above."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("compa", "negatives", "benchmarks")

LAYERS = (
    ("compa.utils", "benchmarks.metrics", "compa.objectives"),
    ("compa.manifest", "compa.audio"),
    ("compa.scenes",),
    ("compa.data",),
    ("compa.models",),
    ("compa.training",),
    ("negatives",),
    ("benchmarks",),
    ("compa.cli", "compa.configs", "compa.demo", "compa.ablate"),
)
"""A module imports from its own layer and from those before it. `compa` itself (its version, `load`) is below all."""


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: set[str]) -> set[str]:
    """The project's modules that a module imports, wherever in it: in functions and for type checkers, too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {
                whole if (whole := f"{node.module}.{alias.name}") in known else node.module for alias in node.names
            }
    return (found & known) - {name}


def graph() -> dict[str, set[str]]:
    found = modules()
    return {name: imports(name, path, set(found)) for name, path in found.items()}


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            groups.append(group)

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return [sorted(group) for group in groups if len(group) > 1]


def layer(name: str) -> int:
    fitting = [
        (len(prefix), number)
        for number, prefixes in enumerate(LAYERS)
        for prefix in prefixes
        if name == prefix or name.startswith(f"{prefix}.")
    ]
    return max(fitting)[1] if fitting else -1


def upward(edges: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    for name, others in edges.items():
        if name != "compa":  # `compa.load` is a short way to the models
            yield from ((name, other) for other in sorted(others) if layer(other) > layer(name))


def test_there_is_no_circle_of_imports() -> None:
    edges = {name: others - {"compa"} for name, others in graph().items()}
    assert circles(edges) == []


def test_no_module_imports_from_a_layer_above() -> None:
    assert list(upward(graph())) == []


def test_a_circle_and_an_upward_import_are_found() -> None:
    planted = {
        "compa.utils.a": {"compa.utils.b"},
        "compa.utils.b": {"compa.utils.c"},
        "compa.utils.c": {"compa.utils.a"},
        "compa.data.d": {"benchmarks.e"},
        "benchmarks.e": set(),
    }
    assert circles(planted) == [["compa.utils.a", "compa.utils.b", "compa.utils.c"]]
    assert list(upward(planted)) == [("compa.data.d", "benchmarks.e")]
