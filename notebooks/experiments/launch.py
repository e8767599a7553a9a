"""Processes of `experiments.distributed` on one machine, connected as if on several machines."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_NOTEBOOKS = Path(__file__).parents[1]


@contextlib.contextmanager
def processes(
    folder: Path,
    *options: object,
    count: int,
    n_devices: int = 2,
    program: Sequence[str] = ("-m", "experiments.distributed"),
) -> Iterator[list[subprocess.Popen]]:
    """Start processes, each with its own CPU devices; kill those still running at the end.

    Their output is in `process-0.txt` and so on, in the folder of the run. Compiled programs are
    kept in a folder next to it, for later processes.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(n_devices),
        "JAX_COMPILATION_CACHE_DIR": str(folder.with_name("compiled")),
    }
    command = [sys.executable, *program, str(folder), *map(str, options)]
    if count > 1:
        command += [f"--coordinator={address}", f"--processes={count}"]
    with contextlib.ExitStack() as stack:
        running = []
        for index in range(count):
            output = stack.enter_context((folder / f"process-{index}.txt").open("ab"))
            which = [f"--process={index}"] if count > 1 else []
            process = subprocess.Popen(
                command + which, env=environment, cwd=_NOTEBOOKS, stdout=output, stderr=output
            )
            stack.callback(_end, process)
            running.append(process)
        yield running


def run(folder: Path, *options: object, count: int, timeout: float = 600, **others) -> None:
    """Start processes and wait for them; raise a `RuntimeError` if one of them fails."""
    with processes(folder, *options, count=count, **others) as running:
        for process in running:
            process.wait(timeout)
        codes = [process.returncode for process in running]
        if any(codes):
            raise RuntimeError(f"{folder}: exit statuses {codes}; see process-*.txt there.")


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
