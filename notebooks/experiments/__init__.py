"""Experiments of the notebooks, written with the public API of jtfs_jax. Run in `notebooks/`:

python -m experiments.retrieval                    neighbors of chirps
python -m experiments.training                     one network under four losses
python -m experiments.optimizers                   metamers by several optimizers
python -m experiments.stereo                       metamers in stereo
python -m experiments.learning                     filters that learn
python -m experiments.distributed FOLDER           training on several devices or hosts
python -m experiments.instruments --data FOLDER    classification of instruments
"""
