"""The report: result files in, one web page out, or the tables of a paper."""

from benchmarks.report.page import report

__all__ = ["report"]
