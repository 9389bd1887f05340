"""Models as tasks see them: opened by name, embedding models with their cache, controls."""
