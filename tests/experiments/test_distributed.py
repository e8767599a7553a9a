"""Training by two processes: same result as one process, and as without interruption.

Orbax is imported only in separate processes, because its threads may end the importing process.
"""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments import launch

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("orbax") is None or not hasattr(signal, "pause"),
    reason="needs orbax-checkpoint and POSIX signals",
)

FILTERS = {"J": 3, "Q": 1, "J_fr": 1, "T": "global", "F": "global", "dtype": "float64"}
PROGRAM = f"""
import signal, jtfs_jax
from experiments import distributed
distributed.filterbank = lambda: jtfs_jax.filterbank(distributed.N_SAMPLES, **{FILTERS})
"""
WAITING = """
sounds = distributed.sounds
distributed.sounds = lambda step: sounds(step) if step < 6 else signal.pause()
"""
MAIN = "distributed.main()"
# Prints the loss of one process, and the difference of two processes' gradients from its own.
COMPARING = """
import json, os, sys, jax, numpy as np, orbax.checkpoint as ocp
bank = distributed.filterbank()
state = jax.jit(distributed.start)(bank)
differentiate = jax.jit(jax.value_and_grad(distributed.loss))
value, gradient = differentiate(state[0], bank, distributed.sounds(0))
with ocp.CheckpointManager(sys.argv[1]) as manager:
    _, (adam, _) = manager.restore(1, args=ocp.args.StandardRestore(state))
# After its first step, Adam has a tenth of the gradient.
errors = [
    np.linalg.norm(adam.mu[name] / 0.1 - of_one) / np.linalg.norm(of_one)
    for name, of_one in gradient.items()
]
print(json.dumps([float(value), float(max(errors))]), flush=True)
os._exit(0)
"""
TIMEOUT = 100
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def log_of(folder):
    """Steps and losses."""
    path = folder / "log.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(line["step"], line["loss"]) for line in map(json.loads, lines)]


def test_two_processes_killed_and_resumed(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    folder, options = tmp_path / "run", ["--steps=8", "--save-every=4"]
    program = ["-c", PROGRAM + WAITING + MAIN]
    begun = time.monotonic()
    with launch.processes(folder, *options, count=2, program=program) as running:
        while len(log_of(folder)) < 6 or not (folder / "4").exists():
            assert [process.poll() for process in running] == [None, None]
            assert time.monotonic() < begun + TIMEOUT
            time.sleep(0.05)
        running[1].send_signal(signal.SIGKILL)
        assert running[1].wait(TIMEOUT) == -signal.SIGKILL
    undisturbed = log_of(folder)
    assert [step for step, _ in undisturbed] == [0, 1, 2, 3, 4, 5]

    compared = subprocess.run(
        [sys.executable, "-c", PROGRAM + COMPARING, str(folder)],
        cwd=NOTEBOOKS,
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT,
    )
    value, error = json.loads(compared.stdout.splitlines()[-1])
    assert undisturbed[0][1] == pytest.approx(value, rel=1e-9)
    assert error <= 1e-9

    program = ["-c", PROGRAM + MAIN]
    launch.run(folder, *options, count=2, program=program, timeout=TIMEOUT)
    resumed = log_of(folder)[len(undisturbed) :]
    assert [step for step, _ in resumed] == [4, 5, 6, 7]
    assert resumed[:2] == undisturbed[4:]


def test_processes_that_fail_or_do_not_end(tmp_path):
    failing = ["-c", "import sys; sys.exit('too bad' if sys.argv[-1] == '--process=0' else 0)"]
    with pytest.raises(RuntimeError, match=r"exit statuses \[1, 0\]; see process-\*.txt"):
        launch.run(tmp_path, count=2, program=failing, timeout=TIMEOUT)
    assert (tmp_path / "process-0.txt").read_text() == "too bad\n"
    endless = ["-c", "import time; time.sleep(1000)"]
    with launch.processes(tmp_path, count=2, program=endless) as running:
        pass
    assert [process.poll() for process in running] == [-signal.SIGKILL] * 2
