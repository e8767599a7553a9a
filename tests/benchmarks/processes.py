"""Child processes of the benchmark, and measurements in which they take turns."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]


class ChildError(Exception):
    """A child failed."""


class Child:
    """A process of `child.py`.

    This checkout of jtfs_jax, or the given checkout of Kymatio, takes precedence over installed
    packages.
    """

    def __init__(self, job, kymatio, limit):
        self.limit = limit
        path = REPOSITORY if job["implementation"] == "jtfs_jax" else kymatio.resolve()
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(path), *filter(None, [os.getenv("PYTHONPATH")])]),
            "JAX_ENABLE_COMPILATION_CACHE": "false",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "child.py"), json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment,
        )

    def ask(self, request):
        """Answer to a request; raises `ChildError` if there is none."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        timer = threading.Timer(self.limit, self.process.kill)
        timer.start()
        try:
            stdin.write(request + "\n")
            stdin.flush()
            answer = stdout.readline()
        except BrokenPipeError:
            answer = ""
        late = not timer.is_alive()
        timer.cancel()
        if not answer:
            code = self.process.wait()
            raise ChildError(f"no answer to {request!r}: {self._cause(code, late)}")
        answer = json.loads(answer)
        if "error" in answer:
            raise ChildError(answer["error"])
        return answer

    def _cause(self, code, late):
        if late:
            return f"stopped after {self.limit:g} s"
        if code == -9:
            return "killed, possibly because memory ran out"
        self.errors.seek(0)
        return f"exit code {code}, {self.errors.read()[-300:].strip()}"

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.errors.close()


def measure(jobs, *, repeats, kymatio, limit):
    """For each job, its child's report and the seconds of its runs; the children take turns.

    All are prepared before the first run. A child that fails leaves its error in its entry, and
    the others continue.
    """
    children, entries = {}, {}

    def ask(name, request):
        try:
            return children[name].ask(request)
        except ChildError as error:
            children.pop(name).close()
            return {"error": str(error)}

    try:
        for name, job in jobs.items():
            children[name] = Child(job, kymatio, limit)
            entries[name] = ask(name, "prepare") | {"seconds": []}
        for _ in range(repeats):
            for name in list(children):
                answer = ask(name, "run")
                entries[name]["seconds"] += [answer.pop("seconds")] if "seconds" in answer else []
                entries[name] |= answer
        for name in list(children):
            entries[name] |= ask(name, "report")
    finally:
        for child in children.values():
            child.close()
    return entries
