"""Shards: webdataset tars with an index, written by several processes and read at random."""
