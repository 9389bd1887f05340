"""The report: result files in, one web page out, and the examples that it can play."""

from benchmarks.report.examples import write_examples
from benchmarks.report.page import report

__all__ = ["report", "write_examples"]
