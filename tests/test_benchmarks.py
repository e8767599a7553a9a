"""The benchmark measures, survives a failing peer, and prints its results."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import operations
import pytest

SCRIPT = Path(__file__).parent / "benchmarks" / "run.py"

# Stand-in for Kymatio: one frontend returns only the signal, the other fails.
FRONTENDS = {
    "__init__": "__version__ = '0'",
    "jax": """
class Scattering1D:
    def __init__(self, **parameters):
        assert parameters == {"shape": 8192, "J": 8, "Q": 8, "T": None, "out_type": "dict"}

    def __call__(self, x):
        return {(): x}
""",
    "torch": "raise ImportError('no such frontend')",
}


def run(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def kymatio(tmp_path):
    (tmp_path / "kymatio").mkdir()
    for name, text in FRONTENDS.items():
        (tmp_path / "kymatio" / f"{name}.py").write_text(text)
    return tmp_path


def test_results_and_table(kymatio):
    output = kymatio / "results.json"
    output.write_text('{"long": {}}')
    arguments = ("quick", "--works", "time_scattering", "--repeats", 2)
    printed = run(*arguments, "--kymatio", kymatio, "--output", output)
    assert len(printed.splitlines()) == 3
    results = json.loads(output.read_text())
    assert set(results) == {"long", "quick"}  # Earlier results are kept.

    record = results["quick"]["time_scattering"]
    assert record["parameters"]["n_samples"] == 8192
    assert str(kymatio) not in record["conditions"]["command"]
    ours, torch, jax = record["entries"].values()
    assert ours["paths"] == 179
    assert "no such frontend" in torch["error"]
    for entry in (ours, jax):
        assert len(entry["seconds"]) == 2
        low, high = entry["spread_seconds"]
        assert 0 < low <= entry["median_seconds"] <= high
        assert entry["compile_seconds"] > 0
        assert entry["operations"] > 0
        assert entry["peak_bytes"] >= entry["start_bytes"]
        assert entry["versions"]["jax"]
    assert jax["seconds_ratio"] > 0
    assert jax["bytes_ratio"] > 0
    assert ours["relative_error"]["against"] == "kymatio_jax"

    header, _, row = run("--table", output).splitlines()[:3]
    assert header.count("|") == row.count("|")
    assert row.startswith("| quick | `time_scattering` |")
    assert "| failed |" in row


def test_unknown_name():
    with pytest.raises(subprocess.CalledProcessError) as error:
        run("quik")
    assert "'quik' is not one of quick, metamer" in error.value.stderr


def test_operations_of_a_program():
    @jax.jit
    def function(x):
        def step(total, row):
            return total + jnp.fft.rfft(row)[:8].real @ jnp.ones((8, 5)), None

        return jax.lax.scan(step, jnp.zeros(5), x)[0]

    found = operations.counts(jax.make_jaxpr(function)(jnp.ones((3, 16))).jaxpr)
    expected = {"loops": 1, "trips": 3, "transforms": 3, "products": 3}
    assert found == expected | {"transform_flop": 3 * 5 * 16 * 4 // 2, "product_flop": 3 * 80}


def test_an_accelerator_benchmark_without_time_says_so(tmp_path):
    script, output = SCRIPT.with_name("accelerator.py"), tmp_path / "results.json"
    command = [sys.executable, str(script), "--limit", "0", "--output", str(output)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    results = json.loads(output.read_text())
    assert results["device"]["platform"] == jax.default_backend()
    assert len(results["parts"]) > 10
    assert {record["error"] for record in results["parts"].values()} == {
        "no time was left within the limit of 0 s"
    }
