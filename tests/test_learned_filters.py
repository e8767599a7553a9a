"""Filters from parameters other than the designed ones, possibly traced."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_filters
from helpers import TRANSFORMS, assert_close, noise, relative_error

import jtfs_jax
from jtfs_jax import FilterParameters, clip_parameters, filter_parameters, with_parameters

N = 128
OPTIONS: dict[str, dict[str, Any]] = {
    "averaged": {"J": 4, "Q": 3, "J_fr": 1, "T": 15.0, "F": 1.8},
    "sharp": {
        "J": (3, 4),
        "Q": (2, 1),
        "J_fr": 1,
        "T": 7.0,
        "preset": "sharp",
        "pad_mode_fr": "conj-reflect",
        "oversampling": 1,
    },
    "global": {"J": 4, "Q": 2, "J_fr": 1, "T": "global", "F": "global"},
    "not averaged": {"J": 3, "Q": 1, "J_fr": 1, "T": 0, "F": 0, "r_psi": 0.9},
}
ORDERS = ("1", "2", "_fr")
pytestmark = pytest.mark.usefixtures("quick_compile")


def make_bank(name, dtype: Any = np.float32):
    return jtfs_jax.filterbank(N, **OPTIONS[name], dtype=dtype)


def moved(bank, seed=0):
    """All parameters changed by a few percent, within their ranges."""
    rng = np.random.default_rng(seed)
    parameters = jax.tree.map(
        lambda p: p * rng.uniform(0.97, 1.03, p.shape).astype(p.dtype), filter_parameters(bank)
    )
    return clip_parameters(bank, parameters)


def pair(parameters, order):
    return getattr(parameters, f"xi{order}"), getattr(parameters, f"sigma{order}")


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "float64") for name in OPTIONS), ("sharp", "float32")]
)
def test_parameters_of_the_design_make_its_tables(x64, name, dtype):
    bank = make_bank(name, dtype)
    parameters = filter_parameters(bank)
    made = with_parameters(bank, parameters)
    assert_close(made.tables, bank.tables, 1e-12 if dtype == "float64" else 1e-5)
    assert {leaf.dtype for leaf in jax.tree.leaves(made)} == {np.dtype(dtype)}
    assert_close(filter_parameters(made), parameters, 0)
    assert_close(clip_parameters(bank, parameters), parameters, 1e-6)
    assert dataclasses.replace(made, tables=bank.tables, parameters=None) == bank


def test_wavelets_are_those_of_the_parameters(x64):
    """Compare with a second implementation of their definition."""
    bank = make_bank("averaged", np.float64)
    parameters = moved(bank)
    tables = with_parameters(bank, parameters).tables
    for groups, order in ((tables.groups1, "1"), (tables.groups2, "2")):
        xi, sigma = pair(parameters, order)
        for group in groups:
            bins = np.arange(group.first_bin, group.stop_bin)
            for psi_hat, n in zip(group.psi_hat, group.members, strict=True):
                expected = reference_filters.morlet(bank.n_padded, float(xi[n]), float(sigma[n]))
                is_own = np.abs(psi_hat) > 1e-5 * np.abs(psi_hat).max()
                np.testing.assert_allclose(psi_hat, expected[bins] * is_own, atol=2e-5)
    phi_hat = reference_filters.gaussian(bank.n_padded, float(parameters.T))
    np.testing.assert_allclose(tables.phi_hat, phi_hat[: len(tables.phi_hat)], atol=1e-12)


@pytest.mark.parametrize("change", [0.8, 1.1])
def test_a_filterbank_of_other_widths(x64, change):
    """A T and F that a design allows with the same sampling give the same numbers."""
    options = {"J": 4, "Q": 2, "J_fr": 2, "dtype": np.float64}
    T, F = 11.0, 3.0
    bank = jtfs_jax.filterbank(N, T=T, F=F, **options)
    other = jtfs_jax.filterbank(N, T=T * change, F=F * change, **options)
    made = with_parameters(bank, FilterParameters(T=T * change, F=F * change))
    x = noise(N, dtype=np.float64)
    expected = jtfs_jax.jtfs(other, x)
    assert relative_error(jtfs_jax.jtfs(bank, x), expected) > 1e-2
    assert relative_error(jtfs_jax.jtfs(made, x), expected) < 1e-5


def energy(transform, bank, x):
    return sum(jnp.mean(leaf**2) for leaf in jax.tree.leaves(transform(bank, x)))


def assert_slopes(loss, parameters):
    """The gradient against finite differences, in some directions."""
    gradient, loss = jax.jit(jax.grad(loss))(parameters), jax.jit(loss)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        direction = jax.tree.map(lambda p, r=rng: p * r.standard_normal(p.shape), parameters)
        step = jax.tree.map(lambda d: 1e-6 * d, direction)
        ahead = loss(jax.tree.map(jnp.add, parameters, step))
        behind = loss(jax.tree.map(jnp.subtract, parameters, step))
        slope = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, gradient, direction)))
        np.testing.assert_allclose(slope, (ahead - behind) / 2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["sharp", "not averaged"])
def test_gradients_of_tables_are_finite_differences(x64, name):
    bank = make_bank(name, np.float64)
    rng = np.random.default_rng(0)
    weights = jax.tree.map(lambda table: rng.standard_normal(table.shape), bank.tables)

    def loss(parameters):
        tables = with_parameters(bank, parameters).tables
        return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, tables, weights)))

    assert_slopes(loss, moved(bank))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_gradients_through_transforms_are_finite_differences(x64, name):
    bank, x = make_bank("averaged", np.float64), noise(N, dtype=np.float64)

    def loss(parameters):
        return energy(TRANSFORMS[name], with_parameters(bank, parameters), x)

    parameters = moved(bank)
    unused = {"scalogram": parameters._fields[2:], "time_scattering": ("xi_fr", "sigma_fr", "F")}
    assert_slopes(loss, parameters._replace(**dict.fromkeys(unused.get(name, ()))))


def test_one_program_serves_all_values():
    bank, traces = make_bank("averaged"), []

    @jax.jit
    def gradient(parameters, x):
        traces.append(None)
        return jax.grad(lambda p: energy(jtfs_jax.jtfs, with_parameters(bank, p), x))(parameters)

    several = [moved(bank, seed) for seed in range(3)]
    each = [gradient(parameters, noise(N)) for parameters in several]
    of_silence = gradient(several[0], np.zeros(N, np.float32))
    assert len(traces) == 1
    assert all(bool(jnp.isfinite(leaf).all() & (leaf != 0).any()) for leaf in each[0])
    assert all(bool((leaf == 0).all()) for leaf in of_silence)
    assert relative_error(each[0], each[1]) > 1e-3
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)
    together = jax.vmap(gradient, (0, None))(stacked, noise(N))
    assert_close(together, jax.tree.map(lambda *leaves: jnp.stack(leaves), *each), 1e-4)


def test_what_is_none_stays():
    bank = make_bank("averaged")
    xi2 = 0.95 * filter_parameters(bank).xi2
    made = with_parameters(bank, FilterParameters(xi2=xi2))
    assert made.tables.groups1 is not None
    same = jax.tree.map(lambda a, b: bool((a == b).all()), made.tables, bank.tables)
    assert all(jax.tree.leaves(dataclasses.replace(same, second=())))
    for second in same.second:
        assert all(jax.tree.leaves((second.average, second.filters_fr)))
        assert not second.group.psi_hat
    again = with_parameters(made, FilterParameters(T=16.0))
    assert_close(
        filter_parameters(again), filter_parameters(bank)._replace(xi2=xi2, T=jnp.array(16.0))
    )
    assert_close(again.tables.groups2, made.tables.groups2, 0)


def test_coordinates_follow():
    bank = make_bank("averaged")
    parameters = moved(bank)
    made = with_parameters(bank, parameters)
    np.testing.assert_allclose(jtfs_jax.wavelet_frequencies(made), parameters.xi1)
    np.testing.assert_allclose(jtfs_jax.band_frequencies(made), parameters.xi1[:: bank.stride_fr])
    table, joint = jtfs_jax.time_path_table(made), jtfs_jax.path_table(made)
    np.testing.assert_allclose(table.rate_bandwidth, parameters.sigma2[table.n2])
    np.testing.assert_allclose(table.bandwidth, parameters.sigma1[table.n1])
    with_rate = joint.n2 >= 0
    np.testing.assert_allclose(joint.rate[with_rate], parameters.xi2[joint.n2[with_rate]])
    np.testing.assert_allclose(joint.rate_bandwidth[~with_rate], 0.1 / parameters.T)
    rising = joint.spin > 0
    scale = parameters.xi_fr[joint.n_fr[rising] - 1] * bank.Q[0]
    np.testing.assert_allclose(joint.scale[rising], scale, rtol=1e-6)

    def within(parameters):
        traced = with_parameters(bank, parameters)
        return jtfs_jax.path_table(traced).rate

    np.testing.assert_array_equal(
        jax.jit(within)(parameters), jtfs_jax.path_table(bank).rate.astype(np.float32)
    )


def test_segments_have_learned_averages():
    bank = jtfs_jax.filterbank(2**11, J=5, Q=2, T=60.0)
    made = with_parameters(bank, FilterParameters(T=36.0))
    x = noise(2**11)
    whole, parts = (
        jtfs_jax.time_scattering(made, x),
        jtfs_jax.segmented(jtfs_jax.time_scattering)(made, x),
    )
    inner = slice(16, -16)
    frames = np.round(jtfs_jax.frame_times(made) / bank.stride).astype(int)
    assert_close(whole.S2[:, inner], parts.S2[:, frames[inner]], 1e-5)


@pytest.mark.parametrize("name", ["averaged", "sharp"])
def test_clipped_parameters_are_sound(x64, name):
    """However extreme they are, finer sampling would not change the coefficients."""
    bank = make_bank(name, np.float64)
    rng = np.random.default_rng(0)
    wild = jax.tree.map(lambda p: p * np.exp(rng.standard_normal(p.shape)), filter_parameters(bank))
    with pytest.raises(ValueError, match=r"parameters\.\w+ must .* clip_parameters"):
        with_parameters(bank, wild)
    clipped = clip_parameters(bank, wild)
    assert_close(clip_parameters(bank, clipped), clipped, 1e-12)
    made = with_parameters(bank, clipped)
    for groups, order in ((made.tables.groups1, "1"), (made.tables.groups2, "2")):
        xi, sigma = pair(clipped, order)
        for group in groups:
            bins = np.arange(group.first_bin, group.stop_bin) % bank.n_padded
            for psi_hat, n in zip(group.psi_hat, group.members, strict=True):
                whole = reference_filters.morlet(
                    bank.n_padded, float(xi[n]), float(sigma[n]), analytic=bank.analytic
                )
                whole[bins] = 0
                assert np.abs(whole).max() < 1e-4 * np.abs(psi_hat).max()


ERRORS = {
    "no parameters": (lambda p: dict(p._asdict()), "must be FilterParameters, got dict"),
    "another shape": (lambda p: FilterParameters(xi2=p.xi2[1:]), r"parameters\.xi2 must be real"),
    "too wide": (
        lambda p: FilterParameters(sigma2=3 * p.sigma2),
        r"parameters\.sigma2 must give filters",
    ),
    "beyond Nyquist": (lambda p: FilterParameters(xi1=2 * p.xi1), "xi1"),
    "T of other sampling": (
        lambda p: FilterParameters(T=64.0),
        r"got 64 for T, .* is 18\.2\d+; apply",
    ),
    "no number": (lambda p: FilterParameters(T="global"), r"parameters\.T must be real"),
    "complex": (lambda p: FilterParameters(xi2=np.asarray(p.xi2) + 0j), "must be real"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    bank = make_bank("averaged")
    change, match = ERRORS[name]
    with pytest.raises(ValueError, match=match):
        with_parameters(bank, change(filter_parameters(bank)))


def test_parameters_that_there_are_not():
    with pytest.raises(ValueError, match=r"parameters\.T must be None .* T='global'"):
        with_parameters(make_bank("global"), FilterParameters(T=3.0))
    with pytest.raises(ValueError, match=r"parameters\.xi_fr must be None .* J_fr=None"):
        with_parameters(jtfs_jax.filterbank(N, J=4, Q=2), FilterParameters(xi_fr=np.ones(2)))
    tight = jtfs_jax.filterbank(N, J=4, Q=2, J_fr=2, T=20.0, normalize="energy")
    with pytest.raises(ValueError, match="tight frame"):
        with_parameters(tight, filter_parameters(tight))
    with_parameters(tight, FilterParameters(T=18.0))


def test_tables_are_trainable_too():
    """Each bin of a response is a parameter as well; filters learned this way are not wavelets."""
    bank, x = make_bank("averaged"), noise(N)
    descent = jax.jit(jax.value_and_grad(lambda b: energy(jtfs_jax.time_scattering, b, x)))
    before, gradient = descent(bank)
    stepped = jax.tree.map(lambda leaf, slope: leaf - 0.1 * slope, bank, gradient)
    assert descent(stepped)[0] < before
    of_zero = stepped.tables.groups1[0].psi_hat[:, -stepped.tables.groups1[0].first_bin]
    assert not np.allclose(of_zero, 0, atol=1e-6)
