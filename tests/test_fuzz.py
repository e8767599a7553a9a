"""A minute of random options; `fuzz_options.py` draws any number."""

import fuzz_options
import pytest

SECONDS = 12


@pytest.mark.parametrize("seed", range(4))
def test_random_options(seed, x64, quick_compile):
    report = fuzz_options.run(seed, seconds=SECONDS)
    assert not report.faults, "\n".join(report.faults)
    assert report.counts["has_shapes"]


def test_random_errors(x64):
    report = fuzz_options.run(5, n_options=150, n_banks=0, n_definition=0, seconds=SECONDS)
    assert not report.faults, "\n".join(report.faults)


@pytest.mark.parametrize("name", ["n_samples", "J", "Q", "T", "F", "J_fr", "stride", "stride_fr"])
def test_anything_for_a_number(name, x64):
    options = {"n_samples": 64, "J": 4, "Q": 4, "J_fr": 2}
    report = fuzz_options.Report()
    for junk in fuzz_options.JUNK:
        changed = options | {name: junk}
        report.attempt(name, changed, lambda changed=changed: fuzz_options.build(changed))
    assert not report.faults, "\n".join(report.faults)
