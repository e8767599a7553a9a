"""`python -m jtfs_jax`, the same as `jtfs-jax`."""

import sys

from ._cli import main

if __name__ == "__main__":
    sys.exit(main())
