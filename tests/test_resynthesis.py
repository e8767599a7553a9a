"""Metamers: the loop, its optimizers, batches, resuming, targets and errors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import flat, literal_bold_driver, noise, relative_error

import jtfs_jax
from jtfs_jax import resynthesis
from jtfs_jax.resynthesis import bold_driver, colored_noise, lbfgs, loudness, white_noise

pytestmark = pytest.mark.usefixtures("quick_compile")

N = 1024
JointScattering: Any = jtfs_jax.JointScattering  # of weights instead of coefficients
BOLD = bold_driver(learning_rate=0.3)
KEY = jax.random.key(3)


def resynthesize(*arguments, **options) -> Any:
    return resynthesis.resynthesize(*arguments, **options)


def metamer(*arguments, **options) -> Any:
    return resynthesis.metamer(*arguments, **options)


def noise_like(x, n_sounds=1):
    """White noise with the power of the sounds `(*batch, time)`, for transforms without S1."""
    noise = np.random.default_rng(0).standard_normal((n_sounds, *x.shape)).astype(np.float32)
    return noise * np.sqrt(np.square(x).mean(-1, keepdims=True))


@pytest.fixture(scope="module")
def bank():
    return jtfs_jax.filterbank(N, J=6, Q=4, J_fr=2)


@pytest.fixture(scope="module")
def x():
    """A rising chirp with a decaying envelope."""
    t = np.arange(N) / N
    return np.asarray(np.sin(300 * t + 400 * t**2) * np.exp(-2 * t), np.float32)


@pytest.fixture
def result(bank, x):
    return metamer(bank, x, n_steps=30)


def error_of(bank, y, x, transform: Any = jtfs_jax.jtfs):
    """Error as defined by `resynthesize`."""
    return relative_error(transform(bank, y), transform(bank, x))


def linear(matrix, y):
    return {"first": y @ matrix.T, "second": 0.5 * y}


def same(a, b):
    """Whether all leaves are identical to the bit."""
    a, b = jax.tree.leaves(a), jax.tree.leaves(b)
    assert len(a) == len(b)
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_error_falls_and_is_what_it_says(bank, x, result):
    assert result.y.shape == (1, N)
    assert result.error.shape == result.learning_rate.shape == result.accepted.shape == (31, 1)
    assert (np.diff(result.error[:, 0]) <= 0).all()
    assert (np.diff(result.error[:, 0]) < 0).tolist() == result.accepted[1:, 0].tolist()
    assert result.error[-1, 0] < 0.2 * result.error[0, 0]
    assert result.error[-1, 0] == pytest.approx(error_of(bank, result.y[0], x), rel=1e-4)
    assert result.error[-1, 0] == result.state.error[0]
    assert not np.allclose(result.y[0], x, atol=0.1)
    assert result.seconds is None


def test_starts_are_row_0(bank, x):
    transform = jtfs_jax.time_scattering
    S = transform(bank, x)
    starts = {
        "colored": colored_noise(bank, S.S1, n_sounds=2, key=KEY),
        "white": white_noise(bank, S.S1, n_sounds=2, key=KEY),
        "one sound": noise(N),
    }
    errors = {}
    for name, y0 in starts.items():
        run = resynthesize(bank, S, transform=transform, n_steps=1, y0=y0)
        errors[name] = np.asarray(run.error[0])
        expected = [error_of(bank, y, x, transform) for y in np.atleast_2d(y0)]
        np.testing.assert_allclose(errors[name], expected, rtol=1e-4)
    assert (errors["white"] > errors["colored"]).all()


def test_a_metamer_is_composed_of_public_functions(bank, x):
    sounds = np.stack([x, 0.5 * x[::-1]])
    composed = metamer(bank, sounds, n_steps=3, n_sounds=2, key=KEY)
    S = jtfs_jax.jtfs(bank, sounds)
    y0 = colored_noise(bank, S.S1, n_sounds=2, key=KEY)
    same(resynthesize(bank, S, y0=y0, envelope=loudness(bank, S.S1), n_steps=3), composed)
    same(resynthesize(bank, S, y0=y0, n_steps=3), composed)
    same(resynthesize(bank, S, n_steps=3), metamer(bank, sounds, n_steps=3))


def test_axes_of_starts(bank, x):
    """One sound serves all targets; one more axis gives several sounds per target."""
    S = jtfs_jax.jtfs(bank, np.stack([x, x[::-1]]))
    rows = np.random.default_rng(0).standard_normal((3, 2, N)).astype(np.float32)
    for y0 in (rows[0, 0], rows[0], rows, rows[:, :1]):
        run = resynthesize(bank, S, y0=y0, n_steps=1, callback=lambda _: True)
        expected = np.broadcast_to(y0, (3 if y0.ndim == 3 else 1, 2, N))
        np.testing.assert_allclose(run.y, expected, rtol=1e-5)


def test_what_a_transform_compresses_is_not_taken_for_loudness(bank, x):
    """Starts and steps scale with the S1 of x, whatever else is called S1."""

    def compressed(bank, y):
        return jtfs_jax.analysis.log_compress(jtfs_jax.time_scattering(bank, y), 1e-3)

    run = metamer(bank, x, transform=compressed, n_steps=1, key=KEY)
    colored = colored_noise(bank, jtfs_jax.time_scattering(bank, x).S1, key=KEY)
    expected = error_of(bank, colored[0], x, compressed)
    assert run.error[0, 0] == pytest.approx(expected, rel=1e-4)


def test_bold_driver_on_jtfs_is_the_literal_rule(bank, x):
    """With an envelope of 1, z is proportional to y, and µ does not depend on the factor."""
    target = jtfs_jax.jtfs(bank, x)
    norm = np.linalg.norm(flat(target))

    @jax.jit
    def loss(y):
        difference = jax.tree.map(jnp.subtract, jtfs_jax.jtfs(bank, y), target)
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(difference)) / (2 * norm**2)

    gradient = jax.jit(jax.grad(loss))
    y = np.asarray(colored_noise(bank, target.S1)[0])
    history = literal_bold_driver(
        lambda y: float(loss(y)), lambda y: np.asarray(gradient(y)), y, 40, learning_rate=0.3
    )
    errors = [float(loss(y)), *(error for _, error, _, _ in history)]
    successes = [True, *(accepted for *_, accepted in history)]
    assert 3 < successes.count(False) < 30
    target_coefficients = jtfs_jax.jtfs(bank, x)
    run = resynthesize(bank, target_coefficients, n_steps=40, optimizer=BOLD, envelope=1.0)
    assert run.accepted[:, 0].tolist() == successes
    np.testing.assert_allclose(run.error[:, 0], np.sqrt(2 * np.array(errors)), rtol=2e-2)
    ratio = run.learning_rate[1:, 0] / run.learning_rate[:-1, 0]
    np.testing.assert_allclose(ratio, np.where(successes[1:], 1.1, 0.5), rtol=1e-5)


@pytest.mark.parametrize("optimizer", [BOLD, None], ids=["bold_driver", "lbfgs"])
def test_steps_are_free_of_scale(bank, x, optimizer):
    quiet = metamer(bank, x * np.float32(2**-40), n_steps=5, optimizer=optimizer)
    loud = metamer(bank, x * np.float32(2**12), n_steps=5, optimizer=optimizer)
    np.testing.assert_allclose(loud.error, quiet.error, rtol=1e-3)
    np.testing.assert_allclose(loud.y * 2**-52, quiet.y, atol=1e-3 * float(quiet.y.max()))


def test_resuming_gives_the_same_bits(bank, x, result):
    first = metamer(bank, x, n_steps=13)
    second = metamer(bank, x, n_steps=17, state=first.state)
    same(second.state, result.state)
    for name in ("error", "learning_rate", "accepted", "n_forward", "n_gradient"):
        parts = [np.asarray(getattr(run, name)) for run in (first, second)]
        np.testing.assert_array_equal(np.concatenate(parts), getattr(result, name))
    same(metamer(bank, x, n_steps=30), result)
    assert int(result.n_forward[-1]) == 31


def test_callback_sees_every_state_and_ends_it(bank, x, result):
    errors = []

    def callback(state):
        errors.append(float(state.error[0]))
        return len(errors) == 4

    stopped = metamer(bank, x, n_steps=30, callback=callback)
    np.testing.assert_array_equal(stopped.error[:, 0], np.asarray(errors, np.float32))
    np.testing.assert_array_equal(stopped.error, result.error[:4])
    assert len(stopped.seconds) == 4
    assert (np.diff(stopped.seconds) > 0).all()


def test_coefficients_of_numpy(bank, x, result):
    S = jtfs_jax.jtfs(bank, jnp.asarray(x))
    alone = resynthesize(bank, jax.tree.map(np.asarray, S), n_steps=30)
    np.testing.assert_allclose(alone.error[:10], result.error[:10], rtol=1e-3)
    np.testing.assert_allclose(alone.error[-1], result.error[-1], rtol=0.05)


def test_a_batch_is_separate_runs(bank, x):
    """Four noises and two targets at once, all with independent steps."""
    targets = np.stack([x, 0.01 * x[::-1]])
    batch = metamer(bank, targets, n_steps=8, n_sounds=4)
    assert batch.y.shape == (4, 2, N)
    assert batch.error.shape == (9, 4, 2)
    S = jtfs_jax.jtfs(bank, jnp.asarray(targets))
    noise = colored_noise(bank, S.S1, n_sounds=4)
    for t in range(2):
        target = jax.tree.map(lambda leaf, t=t: leaf[t], S)
        for k in range(4):
            single = resynthesize(bank, target, y0=noise[k, t], n_steps=8)
            np.testing.assert_allclose(single.error[:, 0], batch.error[:, k, t], rtol=1e-2)
            atol = 0.02 * float(jnp.abs(single.y).max())
            np.testing.assert_allclose(single.y[0], batch.y[k, t], atol=atol)


def test_steps_of_a_batch_differ(x):
    bank = jnp.asarray(noise(6, N)) / 10
    target = linear(bank, jnp.asarray(x))
    y0 = noise_like(x, n_sounds=2)
    run = resynthesize(bank, target, transform=linear, y0=y0, n_steps=30, optimizer=BOLD)
    rates = run.learning_rate
    assert len(np.unique(np.round(rates[1:] / rates[:-1], 3), axis=1)) > 1
    assert rates[-1, 0] != rates[-1, 1]


def test_resuming_needs_neither_start_nor_filterbank(x):
    bank = jnp.asarray(np.random.default_rng(0).standard_normal((6, N)), jnp.float32) / 10
    target = linear(bank, jnp.asarray(x))
    options = {"transform": linear, "optimizer": BOLD}
    run = resynthesize(bank, target, y0=noise_like(x), n_steps=2, **options)
    more = resynthesize(bank, target, state=run.state, n_steps=2, **options)
    same(more.state, resynthesize(bank, target, y0=noise_like(x), n_steps=4, **options).state)


OPTIMIZERS = {"adam": optax.adam(0.1), "clipped": optax.chain(optax.clip(1.0), lbfgs())}
TRANSFORMS: dict[str, tuple[int, Any, Any]] = {
    "time scattering": (6, None, jtfs_jax.time_scattering),
    "global": (4, "global", jtfs_jax.jtfs),
    "no averaging": (4, 0, jtfs_jax.jtfs),
    "function": (
        6,
        None,
        lambda bank, y: {"u": jtfs_jax.scalogram(bank, y)[..., ::16], "y": y.mean(1)},
    ),
    "complex": (6, None, lambda bank, y: jnp.fft.rfft(y * jnp.hanning(N)[None])),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(x, name):
    J, T, transform = TRANSFORMS[name]
    bank = jtfs_jax.filterbank(N, J=J, Q=4, J_fr=2, T=T)
    run = metamer(bank, x, transform=transform, n_steps=15, n_sounds=2)
    assert (run.error[-1] < 0.6 * run.error[0]).all()
    batch = jax.tree.map(lambda leaf: leaf[0], transform(bank, jnp.asarray(x)[None]))
    y = jax.tree.map(lambda leaf: leaf[0], transform(bank, run.y[:1]))
    expected = relative_error(y, batch)
    assert run.error[-1, 0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_of_optax(x, name):
    bank = jnp.asarray(noise(6, N)) / 10
    with jax.numpy_dtype_promotion("standard"):  # as in optax
        options = {"transform": linear, "optimizer": OPTIMIZERS[name], "n_steps": 20}
        run = resynthesize(bank, linear(bank, jnp.asarray(x)), y0=noise_like(x), **options)
    assert run.error[-1, 0] < 0.7 * run.error[0, 0]
    assert (np.diff(run.error[:, 0]) <= 0).all()
    assert (run.learning_rate is None) == (name == "adam")
    if name == "adam":
        assert int(run.n_gradient[-1]) == 21
    s, sy = linear(bank, jnp.asarray(x)[None]), linear(bank, run.y)
    assert run.error[-1, 0] == pytest.approx(relative_error(sy, s), rel=1e-3, abs=1e-5)


def test_weights(bank, x):
    """Without the second order, the metamer matches S1 only; a common weight changes nothing."""
    first = JointScattering(S0=1.0, S1=1.0, S2=0.0)
    run = metamer(bank, x, weights=first, n_steps=10)
    S, Sy = jtfs_jax.jtfs(bank, x), jtfs_jax.jtfs(bank, run.y[0])
    sx, sy = (np.concatenate([np.ravel(s.S0), np.ravel(s.S1)]) for s in (S, Sy))
    expected = np.linalg.norm(sx - sy) / np.linalg.norm(sx)
    assert run.error[-1, 0] == pytest.approx(expected, rel=1e-3)

    paths = np.linspace(0, 2, S.S2.shape[0], dtype=np.float32)[:, None, None]
    run = metamer(bank, x, weights=JointScattering(S0=0.0, S1=0.0, S2=paths), n_steps=2)
    sy = jtfs_jax.jtfs(bank, run.y[0]).S2
    expected = np.linalg.norm(paths * (S.S2 - sy)) / np.linalg.norm(paths * S.S2)
    assert run.error[-1, 0] == pytest.approx(expected, rel=1e-3)

    plain, double = (metamer(bank, x, weights=w, n_steps=3) for w in (1.0, 2.0))
    np.testing.assert_allclose(plain.error, double.error, rtol=1e-3)


def test_silence_within_the_target(bank, x):
    """In quiet parts of the target, the metamer is quiet and steps are small."""
    burst = np.where((np.arange(N) > 300) & (np.arange(N) < 500), x, np.float32(0))
    run = metamer(bank, burst, n_steps=30)
    assert run.error[-1, 0] < 0.25 * run.error[0, 0]
    assert jnp.abs(run.y[0, 700:]).max() < 0.1 * jnp.abs(run.y[0, 300:500]).max()
    scale = run.state.scale[0]
    np.testing.assert_allclose(scale.max() / scale.min(), 10, rtol=0.1)


@jax.custom_vjp
def identity(y):
    return y


gradients = []
identity.defvjp(
    lambda y: (y, None), lambda _, g: (jax.debug.callback(lambda: gradients.append(1)), (g,))[1]
)


def counted(bank, y):
    return linear(bank, identity(y))


def test_failed_steps_cost_no_gradient():
    bank = jnp.asarray(noise(6, 4))
    gradients.clear()
    run = resynthesize(
        bank,
        linear(bank, jnp.ones(4)),
        transform=counted,
        y0=-np.ones(4),
        n_steps=30,
        optimizer=BOLD,
    )
    jax.effects_barrier()
    assert 0 < run.accepted.sum() < 31
    assert len(gradients) == run.accepted.sum() == run.n_gradient[-1]
    np.testing.assert_array_equal(run.n_gradient, np.cumsum(run.accepted))


def test_the_number_of_steps_does_not_matter_to_compilation(bank, x):
    n_traces = []

    def traced(bank, y):
        n_traces.append(y.ndim)
        return jtfs_jax.time_scattering(bank, y)

    metamer(bank, x, transform=traced, n_steps=2)
    once = len(n_traces)
    metamer(bank, x, transform=traced, n_steps=9)
    assert len(n_traces) <= once + 2  # the coefficients of the target, and their shapes


def test_it_is_pure(x):
    """The run can be compiled as a whole, with the target as an argument."""
    bank = jnp.asarray(noise(6, N)) / 10

    y0 = noise_like(x)

    def search(x):
        run = resynthesize(bank, linear(bank, x), transform=linear, y0=y0, n_steps=70)
        return run.y, run.error

    y, error = jax.jit(search)(x)
    expected_y, expected_error = search(jnp.asarray(x))
    np.testing.assert_allclose(error, expected_error, rtol=1e-2, atol=1e-5)
    assert error.shape == (71, 1)
    np.testing.assert_allclose(y, expected_y, atol=1e-2)


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "wrong length": ({"x": np.ones(N - 1)}, f"{N - 1}"),
    "scalar": ({"x": np.float32(1)}, "x must have time as its last axis"),
    "no sound": ({"x": np.ones((0, N))}, "x must have at least one sound"),
    "silence": ({"x": np.zeros(N)}, "target must be finite and not silent"),
    "one of two": ({"x": np.stack([np.ones(N), np.zeros(N)])}, "not silent"),
    "NaN": ({"x": np.full(N, np.nan)}, "finite"),
    "n_steps": ({"n_steps": 0}, "n_steps must be an integer of at least 1, got 0"),
    "n_sounds": ({"n_sounds": 0}, "n_sounds must be an integer of at least 1, got 0"),
    "key": ({"key": 3}, "key must be a single jax.random key, got 3"),
    "weights 0": ({"weights": 0.0}, "weighted coefficients is 0"),
    "weights of another": ({"weights": {"S1": 1.0}}, "weights must be numbers, or a pytree"),
    "weights shape": (
        {"weights": JointScattering(1.0, np.ones(7), 1.0)},
        "weights must be numbers, or a pytree",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_arguments_of_metamers(bank, x, name):
    options, match = INVALID[name]
    options = {"bank": bank, "x": x} | options
    with pytest.raises(ValueError, match=match):
        metamer(**options)


INVALID_SEARCHES: dict[str, tuple[dict[str, Any], str]] = {
    "n_steps": ({"n_steps": 0}, "n_steps must be an integer of at least 1, got 0"),
    "no pytree of the transform": ({"target": np.ones(3)}, "target must have the structure"),
    "y0 shape": ({"y0": np.ones(3)}, r"y0 must broadcast to \(sound, .* = \(1, 1024\)"),
    "no sound": ({"y0": np.ones((0, N))}, "y0 must have at least one sound"),
    "y0 axes": ({"y0": np.ones((2, 3, N))}, r"y0 must broadcast to .* = \(2, 1024\)"),
    "y0 NaN": ({"y0": np.full(N, np.nan)}, "choose another y0"),
    "no y0": ({"transform": lambda bank, y: jtfs_jax.jtfs(bank, y)}, "y0 must be given if"),
    "no length": ({"bank": np.ones((2, N), np.float32)}, "y0 must be sounds if bank is not"),
    "envelope": ({"envelope": 0.0}, "envelope must be positive"),
    "envelope shape": ({"envelope": np.ones(5)}, r"envelope must broadcast to .* = \(1024,\)"),
}


@pytest.mark.parametrize("name", INVALID_SEARCHES)
def test_invalid_arguments_of_searches(bank, x, name):
    options, match = INVALID_SEARCHES[name]
    options = {"bank": bank, "target": jtfs_jax.jtfs(bank, x)} | options
    with pytest.raises(ValueError, match=match):
        resynthesize(**options)


def test_invalid_targets_and_states(bank, x, result):
    S = jtfs_jax.jtfs(bank, x)
    with pytest.raises(ValueError, match="target must have the structure that transform returns"):
        resynthesize(bank, S.S1)
    with pytest.raises(ValueError, match="target must have the shapes"):
        resynthesize(bank, jax.tree.map(lambda leaf: leaf[..., :3], S))
    with pytest.raises(ValueError, match="target must have at least one sound"):
        resynthesize(bank, jax.tree.map(lambda leaf: leaf[None][:0], S))
    with pytest.raises(ValueError, match="target must be finite and not silent"):
        resynthesize(bank, jax.tree.map(jnp.zeros_like, S))
    with pytest.raises(ValueError, match="state must have sounds"):
        metamer(bank, np.stack([x, x]), state=result.state)
    with pytest.raises(ValueError, match="state must come from the same optimizer"):
        metamer(bank, x, state=result.state, optimizer=BOLD)
    for function in (colored_noise, white_noise, loudness):
        with pytest.raises(ValueError, match=r"s1 must have .* rows"):
            function(bank, S.S1[:-1])
