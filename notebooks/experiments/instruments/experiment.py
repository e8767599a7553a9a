"""The experiment: three frontends, each with a network trained from a few seeds.

`FULL` has the settings of the paper. `SMALL` has fewer wavelets, wider averaging, a narrower
network and fewer steps, the same for all frontends, and takes minutes on two cores.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from experiments.display import Table
from experiments.storage import replacing
from jtfs_jax import configurations

from . import medley
from .coefficients import extract, take
from .frontends import CQT, JTFS, TimeScattering
from .metrics import accuracies, confusion, macro_accuracy
from .network import Shape, network
from .standin import is_synthetic
from .train import Examples, Training, classify, train

FRONTENDS = {"cqt": CQT, "time": TimeScattering, "jtfs": JTFS}


class Setting(NamedTuple):
    """Filters, and the shape and training of the network for each frontend."""

    filterbank: dict[str, Any]
    shapes: dict[str, Shape]
    trainings: dict[str, Training]


_CQT_POOLS = (True, False, True)
FULL = Setting(
    filterbank=configurations.CLASSIFICATION.filterbank,
    shapes={"cqt": Shape((64, 128, 256), _CQT_POOLS), "time": Shape(), "jtfs": Shape()},
    trainings={
        "cqt": Training(n_epochs=20),
        "time": Training(n_epochs=20),
        "jtfs": Training(n_epochs=30),
    },
)
_NARROW, _SHORT = (24, 48, 96), Training(n_epochs=16, epoch_size=704)
SMALL = Setting(
    filterbank={"n_samples": 2**16, "J": 13, "Q": 8, "T": 2**12, "J_fr": 4, "F": 8},
    shapes={"cqt": Shape(_NARROW, _CQT_POOLS), "time": Shape(_NARROW), "jtfs": Shape(_NARROW)},
    trainings=dict.fromkeys(FRONTENDS, _SHORT),
)


def frontend(name: str, setting: Setting) -> CQT | TimeScattering | JTFS:
    """Return a frontend by its name."""
    return CQT() if name == "cqt" else FRONTENDS[name](setting.filterbank)


class Task(NamedTuple):
    """Everything needed to train networks for one frontend."""

    data: Path
    name: str  # of the frontend
    setting: Setting
    frontend: Any
    features: Any  # from coefficients to features; a pytree
    examples: dict[str, Examples]


def prepare(data: Path, name: str, setting: Setting, output: Path) -> Task:
    """Prepare coefficients of all clips, computed if not in `output`, and constants fitted to them.

    Raises:
        ValueError: If `data` is not a folder with Medley-solos-DB or data in the same layout.
    """
    found, examples = frontend(name, setting), {}
    for subset, clips in medley.load(data).items():
        rows = extract(found, clips, output / "coefficients", label=f"{name}, {subset}")
        examples[subset] = Examples(rows, clips.label)
    constants = found.fit(examples["training"].rows)
    features = eqx.Partial(found.features, constants)
    return Task(data, name, setting, found, features, examples)


def run(task: Task, seed: int, output: Path, *, resume: bool = False) -> dict[str, Any]:
    """Train and test one network; return the result, which is also written to `output`."""
    stem = output / f"{task.name}-{seed}"
    n_classes = len(medley.INSTRUMENTS)
    shape, training = task.setting.shapes[task.name], task.setting.trainings[task.name]
    identity = {"frontend": task.frontend.settings, "shape": shape, "data": str(task.data)}
    checkpoint = stem.with_name(f"{stem.name}.state.eqx")
    trained = train(
        partial(_network, task, shape),
        task.features,
        task.examples,
        training,
        seed=seed,
        checkpoint=checkpoint,
        resume=resume and checkpoint.is_file(),
        identity=identity,
    )
    test = task.examples["test"]
    predicted = classify(trained.network, trained.norms, task.features, test)
    matrix = confusion(test.label, predicted, n_classes)
    result = {
        "data": "SYNTHETIC stand-in" if is_synthetic(task.data) else "Medley-solos-DB",
        "frontend": task.frontend.settings,
        "seed": seed,
        "shape": shape._asdict(),
        "training": training._asdict(),
        "loss": trained.loss,
        "validation_accuracy": trained.accuracy,
        "epoch_seconds": trained.seconds,
        "confusion": matrix.tolist(),
        "accuracy": dict(zip(medley.INSTRUMENTS, accuracies(matrix).tolist(), strict=True)),
        "macro_accuracy": macro_accuracy(matrix),
    }
    with replacing(stem.with_name(f"{stem.name}.json")) as partial_path:
        partial_path.write_text(json.dumps(result, indent=1))
    return result


def table(results: dict[str, list[dict[str, Any]]]) -> Table:
    """Table of accuracies by frontend, in percent: mean and standard deviation over seeds."""
    kind = next(iter(results.values()))[0]["data"]
    rows = []
    for name, runs in results.items():
        found = 100 * np.array([[*r["accuracy"].values(), r["macro_accuracy"]] for r in runs])
        cells = zip(found.mean(0), found.std(0), strict=True)
        rows.append([name, *(f"{m:.1f} ± {s:.1f}" for m, s in cells)])
    return Table([kind, *medley.INSTRUMENTS, "average"], rows)


def _network(task: Task, shape: Shape, key: jax.Array):
    of_one = task.features(take(task.examples["training"].rows, slice(1)))
    bank = getattr(task.frontend, "bank", None)
    rows = {} if bank is None else {"octave": bank.Q[0], "stride_fr": bank.stride_fr}
    return network(of_one, len(medley.INSTRUMENTS), shape, **rows, key=key)
