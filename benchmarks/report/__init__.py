"""The report: turns result files into one web page, or into tables in Markdown or CSV."""

from benchmarks.report.page import write_report

__all__ = ["write_report"]
