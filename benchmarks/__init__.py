"""Scores that can be compared: scorers, tasks, metrics, controls, results and the report."""
