"""The command line, within the process of the tests."""

from jtfs_jax._cli import main


def run(*arguments):
    """The exit status, whether it is returned or raised."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as exit:
        return exit.code
