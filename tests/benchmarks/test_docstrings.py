from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import numpy as np
import pytest

import benchmarks

LEFT_OUT = ("benchmarks.report", "benchmarks.speed", "benchmarks.models.mteb")  # tested elsewhere, or not installed
MODULES = [
    module.name
    for module in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")
    if not module.name.startswith(LEFT_OUT)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    assert doctest.testmod(import_module(name), extraglobs={"np": np}).failed == 0
