"""The LightningModule, its optimiser and callbacks."""
