"""From captioned audio to batches: import, verification, shards, examples and the LightningDataModules."""
