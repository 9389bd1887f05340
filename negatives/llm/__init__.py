"""Candidates from a language model behind an OpenAI-compatible server, kept in a journal."""
