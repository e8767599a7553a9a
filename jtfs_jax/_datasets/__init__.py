"""Coefficients of many recordings.

The modules, in the order in which data pass them:

- `_recordings`: what there is: files, folders, patterns, lists with labels.
- `_scan`: how long each recording is, and which cannot be read.
- `_store`: one labelled Zarr store, its layout, and what is missing of it.
- `_shards`: the unit of work: from a store and the numbers of shards to their coefficients.
- `_cluster`: the same work by Dask.
"""
