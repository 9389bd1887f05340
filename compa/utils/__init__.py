"""Helpers without a domain: files, text, tables, processes, command-line arguments."""
