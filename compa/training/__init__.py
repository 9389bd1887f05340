"""Tasks (LightningModules), their optimizer, callbacks and run folder, and `compa fit`."""
