"""Kymatio's own tests of 1D scattering, run against the library through an adapter.

    KYMATIO=PATH pytest -n 0 tests/test_kymatio_suite.py

PATH is a checkout of Kymatio main (commit 11552ed5). PyTorch and scikit-learn must be installed.
TensorFlow need not be: its 15 tests are omitted, and so are the tests of array backends, which the
library does not have. Of the other 62 tests, one is known to fail: it checks the padded grids of
Kymatio's intermediate results between U1 and S2, whereas the library directly computes the rows and
frames that are kept.
"""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

FILES = ("timefrequency", "numpy", "torch", "jax", "utils", "filters")
KNOWN = {"test_joint_timefrequency_scattering[numpy]"}
HERE = Path(__file__).parent


@pytest.mark.skipif("KYMATIO" not in os.environ, reason="KYMATIO names no checkout of Kymatio")
def test_kymatio_tests_pass(tmp_path):
    pytest.importorskip("torch")
    source = Path(os.environ["KYMATIO"]) / "tests/scattering1d"
    for name in FILES:
        (file,) = source.glob(f"test_{name}*scattering*.py")
        shutil.copy(file, tmp_path)
    shutil.copy(source / "test_data_1d.npz", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "kymatio_adapter"]
    command += ["-k", "not tensorflow", "--junit-xml", "report.xml", "."]
    path = os.pathsep.join([str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"PYTHONPATH": path}
    run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    cases = list(ET.parse(tmp_path / "report.xml").iter("testcase"))
    failed = {case.attrib["name"] for case in cases if len(case) and case[0].tag != "skipped"}
    assert len(cases) == 62, run.stdout
    assert failed <= KNOWN, run.stdout
