"""Coefficients of many recordings.

The modules, in the order in which data pass through them:

- `_recordings`: the input: files, folders, patterns, lists with labels.
- `_scan`: the length of each recording, and which recordings cannot be read.
- `_store`: one labeled Zarr store, its layout, and its missing parts.
- `_shards`: the unit of work: from a store and shard numbers to their coefficients.
- `_cluster`: the same work with Dask.
"""
