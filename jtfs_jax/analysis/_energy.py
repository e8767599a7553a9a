"""Energies of coefficients by path, by pair of filters and by spin, and relative distances."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jtfs_jax import _checks
from jtfs_jax._arrays import of_rank
from jtfs_jax._coefficients import (
    JointScattering,
    TimeScattering,
    by_path,
    is_by_path,
    require_coefficients,
    require_paths,
    stacked,
)
from jtfs_jax._filterbank import FilterBank
from jtfs_jax._jit import jit
from jtfs_jax._modulus import safe_divide, safe_sqrt
from jtfs_jax._path_tables import path_table
from jtfs_jax._paths import KINDS, joint_paths, live_rows

from ._quadrature import band_weights, frame_weights

Scattering = TypeVar("Scattering", bound=JointScattering | TimeScattering)


@jit
@jax.named_scope("jtfs_jax.analysis.path_energies")
def path_energies(
    bank: FilterBank, S: JointScattering | TimeScattering
) -> Float[Array, "*batch path"]:
    """Energy of each second-order path, in the units of the signal's energy Σ x².

        E(path) = ∫∫ S2(path, n1, t)² dn1 dt

    over the samples of the signal and the first-order wavelets that feed the path. The integral is
    estimated from the available bands and frames, to about 1 % however few they are, so energies do
    not depend on `stride` and `stride_fr`. A mean over all frames or bands ("global") counts for
    all of them.

    Args:
        bank: The filters that `S` was computed with.
        S: Coefficients of `jtfs` or `time_scattering`, with any batch axes.

    Returns:
        Energies, in the order of `path_table` or `time_path_table`.

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`.

    Example:
        >>> import jax.numpy as jnp, jtfs_jax
        >>> bank = jtfs_jax.filterbank(4096, J=8, Q=8, J_fr=3)
        >>> S = jtfs_jax.jtfs(bank, jnp.sin(jnp.linspace(0.0, 60.0, 4096) ** 2))
        >>> energies = path_energies(bank, S)
        >>> table = jtfs_jax.path_table(bank)
        >>> bool(energies[table.spin == 1].sum() > 5 * energies[table.spin == -1].sum())
        True

    See Also:
        pair_energies: sums of these energies.
    """
    require_coefficients(bank, S)
    S = _checks.coefficients("S", S)
    is_joint = isinstance(S, JointScattering)
    bands = _band_weights(bank) if is_joint else {}
    if is_by_path(S.S2):
        paths = by_path(bank, S)
        n2_of = {path: path[0 if is_joint else 1] for path in paths}
        frames = {n2: frame_weights(bank, n2) for n2 in set(n2_of.values())}
        energies = [_energy(s2, frames[n2_of[path]], bands.get(path)) for path, s2 in paths.items()]
        return jnp.stack(energies, axis=-1)
    s2, frames = stacked(S.S2), frame_weights(bank, -1)
    if not is_joint:
        return _energy(s2, frames)
    table = np.zeros(s2.shape[-3:-1])
    for row, weights in zip(table, bands.values(), strict=True):
        row[: len(weights)] = weights
    return _energy(s2, frames, table)


@jit
@jax.named_scope("jtfs_jax.analysis.pair_energies")
def pair_energies(
    bank: FilterBank, S: JointScattering | TimeScattering
) -> dict[str, Float[Array, "*batch"]]:
    """Energy of each order, and of each pair of filters over time and log-frequency.

    Args:
        bank: The filters that `S` was computed with.
        S: Coefficients of `jtfs` or `time_scattering`, with any batch axes.

    Returns:
        Energies keyed by "S0", "S1", and the `kind` in `path_table`: "phi_t*phi_f", "phi_t*psi_f",
        "psi_t*phi_f", "psi_t*psi_f"; for time scattering, "S2" replaces these kinds. The "phi_t"
        kinds repeat energy already counted in "S1".

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`.

    See Also:
        path_energies: definition and units.
    """
    energies = path_energies(bank, S)
    S, frames = _checks.coefficients("S", S), frame_weights(bank)
    result = {"S0": _energy(S.S0, frames), "S1": _energy(S.S1, frames).sum(-1)}
    if isinstance(S, TimeScattering):
        return result | {"S2": energies.sum(-1)}
    kind = path_table(bank).kind
    return result | {name: energies[..., kind == name].sum(-1) for name in KINDS}


@jit
@jax.named_scope("jtfs_jax.analysis.energy_fractions")
def energy_fractions(
    bank: FilterBank,
    x: Float[Array, "*batch time"],
    S: JointScattering | TimeScattering,
) -> dict[str, Float[Array, "*batch"]]:
    """Fraction of a signal's energy in each order of its coefficients.

    Filters with a Littlewood–Paley sum of 1 conserve energy: the remainder is in higher orders or
    removed by φ_F. Filters with unit l1 norm have a sum of about one half, and lose about half of
    the energy in each order.

    Args:
        bank: The filters that `S` was computed with.
        x: The signals that `S` was computed from.
        S: Coefficients of `jtfs` or `time_scattering`.

    Returns:
        Fractions keyed by "S0", "S1" and "S2"; 0 for silence. Here, "S2" excludes paths with α = 0,
        whose energy belongs to S1.

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`, or `x` is not a batch of
            real signals of the same shape.

    References:
        Andén & Mallat, Deep Scattering Spectrum, 2014, section II.C, arXiv:1304.6763.
    """
    energies = pair_energies(bank, S)
    rows, batch = _checks.signal(x, bank.n_samples, bank.dtype)
    if batch != S.S0.shape[:-1]:
        raise ValueError(
            f"S must have the batch axes of x, {batch}, got {S.S0.shape[:-1]}; compute it from "
            f"this x."
        )
    of_input = jnp.square(rows).sum(-1).reshape(batch)
    if isinstance(S, JointScattering):
        second = energies["psi_t*phi_f"] + energies["psi_t*psi_f"]
    else:
        second = energies["S2"]
    held = {"S0": energies["S0"], "S1": energies["S1"], "S2": second}
    return {order: _ratio(energy, of_input, 0.0) for order, energy in held.items()}


@jit
@jax.named_scope("jtfs_jax.analysis.spin_ratio")
def spin_ratio(bank: FilterBank, S: JointScattering) -> Float[Array, "*batch"]:
    """Ratio of rising to falling energy: spin +1 over spin −1.

    Args:
        bank: The filters that `S` was computed with.
        S: Coefficients of `jtfs`, with any batch axes.

    Returns:
        Ratios, above 1 for sounds that rise; 1 for silence.

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(2048, J=8, Q=16, J_fr=4, F=4)
        >>> grid = {"n_samples": 2048, "sample_rate": 2048.0}
        >>> rising = jtfs_jax.synth.exponential_chirp(64.0, 1024.0, **grid)
        >>> bool(spin_ratio(bank, jtfs_jax.jtfs(bank, rising)) > 10)
        True

    See Also:
        spin_ratios: the same ratio for each rate and scale.
    """
    rising, falling = _spins(bank, S)
    return _ratio(rising.sum((-2, -1)), falling.sum((-2, -1)), 1.0)


@jit
@jax.named_scope("jtfs_jax.analysis.spin_ratios")
def spin_ratios(bank: FilterBank, S: JointScattering) -> Float[Array, "*batch rate scale"]:
    """Ratio of rising to falling energy for each rate and scale: spin +1 over spin −1.

    Args:
        bank: The filters that `S` was computed with.
        S: Coefficients of `jtfs`, with any batch axes.

    Returns:
        Ratios, with rates and scales from high to low, as in `path_table`; 1 if neither path has
        energy.

    Raises:
        ValueError: At trace time, if `S` was not computed with `bank`.
    """
    return _ratio(*_spins(bank, S), 1.0)


@jit
@jax.named_scope("jtfs_jax.analysis.pair_distances")
def pair_distances(
    bank: FilterBank, S: Scattering, target: Scattering
) -> dict[str, Float[Array, "*batch"]]:
    """Relative distance to a target, for each order and each pair of filters.

        ‖S − target‖ / ‖target‖     norms over the coefficients of the order or pair

    Args:
        bank: The filters that `S` and `target` were computed with.
        S: Coefficients of `jtfs` or `time_scattering`, with any batch axes.
        target: Coefficients of the same transform and the same shapes.

    Returns:
        Distances with the same keys as `pair_energies`; 0 if neither has energy, infinite if only
        `target` has none.

    Raises:
        ValueError: At trace time, if `S` or `target` was not computed with `bank`, or they differ
            in shape.

    See Also:
        losses.distance: the distance over all coefficients, for optimization.
    """
    require_coefficients(bank, S)
    require_coefficients(bank, target)
    shapes, expected = (jax.tree.map(jnp.shape, jax.tree.leaves(s)) for s in (S, target))
    if shapes != expected or type(S) is not type(target):
        raise ValueError(
            f"S must have the shapes of target, got S1 of shape {S.S1.shape} where target has "
            f"{target.S1.shape}; compute both with the same transform, from the same number of "
            f"sounds."
        )
    difference = pair_energies(bank, jax.tree.map(jnp.subtract, S, target))
    energies = pair_energies(bank, target)
    squares = {name: _ratio(difference[name], energies[name], 0.0) for name in energies}
    return {name: safe_sqrt(square) for name, square in squares.items()}


def _spins(
    bank: FilterBank, S: JointScattering
) -> tuple[Float[Array, "*batch rate scale"], Float[Array, "*batch rate scale"]]:
    """Energies of rising and of falling paths."""
    require_paths(bank, S)
    energies = path_energies(bank, S)
    spin = path_table(bank).spin
    rising, falling = (energies[..., spin == sign] for sign in (1, -1))
    n_scales = len(bank.wavelets_fr)
    shape = (*energies.shape[:-1], rising.shape[-1] // n_scales, n_scales)
    return rising.reshape(shape), falling.reshape(shape)


def _ratio(a: Float[Array, "*shape"], b: Float[Array, "*shape"], neither: float) -> Array:
    """A / b, or `neither` where both are 0."""
    of_nothing = jnp.where(a == 0, neither, jax.lax.stop_gradient(a) * jnp.inf)
    return jnp.where(b == 0, of_nothing, safe_divide(a, b))


def _energy(
    s: Float[Array, "*batch frame"],
    frames: Float[np.ndarray, " frame"],
    bands: np.ndarray | None = None,
) -> Float[Array, "*batch"]:
    """Weighted sum of squares over frames and, given their weights, over bands."""
    if s.shape[-1] != len(frames):
        raise ValueError(
            f"S must have the {len(frames)} frames of one call with bank, got {s.shape[-1]}; for "
            f"energies of a segmented signal, use a filterbank for its whole length."
        )
    energies = jnp.square(s)
    for weights in (frames,) if bands is None else (frames, bands):
        energies = (energies * of_rank(jnp.asarray(weights, s.dtype), energies.ndim)).sum(-1)
    return energies


def _band_weights(bank: FilterBank) -> dict[tuple[int, int], Float[np.ndarray, " band"]]:
    """Weights of the live bands of each path."""
    n_live, paths = live_rows(bank), joint_paths(bank)
    distinct = {(n_live[n2], n_fr) for n2, n_fr in paths}
    weights = {key: band_weights(bank, *key) for key in distinct}
    return {(n2, n_fr): weights[n_live[n2], n_fr] for n2, n_fr in paths}
