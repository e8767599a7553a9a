"""Joint time-frequency scattering by its literal definition, in NumPy and float64.

The oracle of the test suite: full-rate convolutions, circular over time, unbounded over rows.
It shares nothing with `jtfs_jax`: filters, padding, sampling grids and conventions are implemented
again. `decimate=True` is the same definition on the library's grids: a band-pass output is kept
every 2**k samples *before* its modulus, which then may alias. Without it, k = 0 everywhere.

Axes are (n1, time); `k` is the log2 of the sampling step; `at` are indices of the padded signal.
"""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from reference_filters import filters, filters_fr

NEGLIGIBLE = 1e-10  # relative to a kernel's peak; rows beyond the last larger value are left out


# ---- Sampling grids ----------------------------------------------------------------------------


def log2_step(j, scale, n, spare, decimate):
    """k: the step 2**k at which a band-pass output of exponent j is kept.

    Along time `scale` is T and n the number of samples; along rows F and the number of live rows.
    """
    if not decimate:
        return 0
    if scale == "global":
        return min(j, max(math.floor(math.log2(n)) - spare, 0))
    return j if scale == 0 else min(j, math.floor(math.log2(scale)))


def frames(bank, stride):
    """The multiples of `stride` among the padded indices of the signal."""
    start, stop = bank.pad_left, bank.pad_left + bank.n_samples
    return np.arange(math.ceil(start / stride), math.ceil(stop / stride)) * stride


def mean_weights(at, k, start, stop):
    """Weights of a mean over [start − ½, stop − ½): the share of each cell at ± ½·2**k in it."""
    left = np.maximum(at - 2**k / 2, start - 0.5)
    right = np.minimum(at + 2**k / 2, stop - 0.5)
    overlap = np.maximum(right - left, 0.0)
    return overlap / overlap.sum()


# ---- Convolutions and averages -----------------------------------------------------------------


def band_pass(u_hat, psi_hat, k):
    """(u ⋆ ψ)(m · 2**k), circular over time, from the DFT of u at that step or a finer one."""
    n_in, n_out = u_hat.shape[-1], len(psi_hat) >> k
    bins = (np.arange(n_out) + n_out // 2) % n_out - n_out // 2  # 0, 1, … −2, −1
    return np.fft.ifft(u_hat[..., bins] * psi_hat[bins]) * (n_out / n_in)


def low_pass(u, phi_hat, k, at):
    """Σ_m 2**k φ(t − m · 2**k) u(m), circular over time, at the frames t in `at`."""
    n_pad = len(phi_hat)
    comb = np.zeros((*u.shape[:-1], n_pad))
    comb[..., :: 2**k] = 2**k * u
    return np.fft.irfft(np.fft.rfft(comb) * phi_hat[: n_pad // 2 + 1], n_pad)[..., at]


def average(bank, u, k):
    """Mean of u over the signal if T is "global", otherwise u ⋆ φ_T at the frames."""
    if bank.T == "global":
        at = np.arange(u.shape[-1]) * 2**k
        end = bank.pad_left + bank.n_samples
        return u @ mean_weights(at, k, bank.pad_left, end)[:, None]
    return low_pass(u, bank.phi, k, frames(bank, bank.stride))


def convolution_matrix(h, rows_out, rows_in):
    """W with (W y)(r) = Σ_n1 h(r − n1) y(n1): one period of h, centered on 0, and 0 beyond."""
    lag = rows_out[:, None] - rows_in
    return np.where(2 * np.abs(lag) < len(h), h[lag % len(h)], 0)


def reach(h):
    """Largest |r| at which the kernel h matters."""
    lags = np.flatnonzero(np.abs(h) > NEGLIGIBLE * np.abs(h).max())
    return np.minimum(lags, len(h) - lags).max()


def reflected_rows(y, n_more, conjugate):
    """y, with rows of its mirror images on both sides, conjugate or not."""
    image = y[::-1].conj() if conjugate else y[::-1]
    return np.concatenate([y, image])[np.arange(-n_more, len(y) + n_more) % (2 * len(y))]


def across_rows(fr, n_fr, y, finish, decimate):
    """|y ⋆ ψ_fr| over all rows, averaged over time by `finish`, then over rows by F.

    Beyond its own rows, y is zero, or continued by conjugate reflections. Both averages are linear,
    on different axes; averaging over time comes last because fewer rows remain then.
    """
    psi, n_live = fr.psi[n_fr], len(y)
    live = rows_in = np.arange(n_live)
    if fr.reflect:
        n_more = len(psi.h)
        y = reflected_rows(y, n_more, conjugate=psi.spin != 0)
        rows_in = np.arange(-n_more, n_live + n_more)

    def modulus(rows):
        z = convolution_matrix(psi.h, rows, rows_in) @ y
        return np.sqrt(np.real(z) ** 2 + np.imag(z) ** 2)

    if fr.F == 0:
        return finish(modulus(live[:: 2**psi.j]))
    if fr.F != "global" and psi.spin == 0 and not fr.phi_is_wider:
        return finish(modulus(live[:: fr.stride]))
    k = log2_step(psi.j, fr.F, n_live, 5, decimate)
    reached = reach(fr.phi) if fr.reflect else min(reach(psi.h), reach(fr.phi))
    margin = 2**k if fr.F == "global" else reached
    rows = np.arange(-margin // 2**k, (n_live + margin) // 2**k + 1) * 2**k
    if fr.F == "global":
        weights = mean_weights(rows, k, 0, n_live)[None]
    else:
        weights = 2**k * convolution_matrix(fr.phi, live[:: fr.stride], rows)
    return finish(weights @ modulus(rows))


# ---- Transforms --------------------------------------------------------------------------------


def first_orders(bank, x, decimate):
    """S0, S1, and the input of higher orders: u1(n1) = |x ⋆ ψ_n1| with its k, and its average.

    S0 = x ⋆ φ_T and S1(n1) = u1(n1) ⋆ φ_T; for T = 0, they are x and u1 on the signal's samples.
    """
    pad_right = bank.n_pad - bank.n_samples - bank.pad_left
    mode: Any = {"zero": "constant", "periodic": "wrap"}.get(bank.pad_mode, "reflect")
    x_pad = np.pad(np.asarray(x, dtype=np.float64), (bank.pad_left, pad_right), mode=mode)
    x_hat = np.fft.fft(x_pad)
    k1 = [log2_step(psi.j, bank.T, bank.n_samples, 6, decimate) for psi in bank.psi1]
    u1 = [np.abs(band_pass(x_hat, psi.hat, k)) for psi, k in zip(bank.psi1, k1, strict=True)]
    averaged = np.stack([average(bank, u, k) for u, k in zip(u1, k1, strict=True)])
    if bank.T == 0:
        signal = slice(bank.pad_left, bank.pad_left + bank.n_samples)
        s0 = x_pad[signal]
        s1 = np.stack([np.abs(band_pass(x_hat, psi.hat, 0))[signal] for psi in bank.psi1])
    else:
        s0, s1 = average(bank, x_pad, 0), averaged
    return s0, s1, u1, averaged


def runs_backward(bank):
    """Mask of samples at which reflections run backward, between their turning points."""
    t = np.arange(bank.n_pad) - bank.pad_left
    beyond = np.maximum(np.maximum(-t, t - (bank.n_samples - 1)), 0)
    turns = beyond / (bank.n_samples - 1) % 2
    return (turns > 0) & (turns < 1)


def second_orders(bank, u1, decimate):
    """Yield n2, y2(n1) = u1(n1) ⋆ ψ_n2 for all n1 with j1 < j2, and `finish`, to use after |y2|.

    `finish` averages over time. For T = 0 it does nothing: y2 is at multiples of 2**j2 already.
    """
    u1_hat = [np.fft.fft(u) for u in u1]
    j1 = np.array([psi.j for psi in bank.psi1])
    for n2, psi in enumerate(bank.psi2):
        n_live = np.count_nonzero(j1 < psi.j)
        assert np.all(j1[:n_live] < psi.j), "live rows are a prefix"
        if not n_live:
            continue
        k = log2_step(psi.j, bank.T, bank.n_samples, 6, decimate)
        y2 = np.stack([band_pass(u_hat, psi.hat, k) for u_hat in u1_hat[:n_live]])
        if bank.pad_mode == "conj-reflect" and bank.T != "global":  # of the signal alone
            backward = runs_backward(bank)[:: 2**k]
            y2[:, backward] = y2[:, backward].conj()
        if bank.T == 0:
            yield n2, y2[:, frames(bank, 2**psi.j) >> k], lambda u: u
        else:
            yield n2, y2, lambda u, k=k: average(bank, u, k)


def time_scattering(x, *, decimate=False, **options):
    """S2[n1, n2] = ||x ⋆ ψ_n1| ⋆ ψ_n2| ⋆ φ_T where j1 < j2, with S0 and S1."""
    bank = filters(len(x), **options)
    s0, s1, u1, _ = first_orders(bank, x, decimate)
    s2 = {}
    for n2, y2, finish in second_orders(bank, u1, decimate):
        s2 |= {(n1, n2): row for n1, row in enumerate(finish(np.abs(y2)))}
    return SimpleNamespace(S0=s0, S1=s1, S2=dict(sorted(s2.items())))


def jtfs(x, *, J_fr, Q_fr=1, F=None, stride_fr=None, pad_mode_fr="zero", decimate=False, **options):
    """S2[n2, n_fr] = ||x ⋆ ψ_n1| ⋆ ψ_n2 ⋆ ψ_n_fr| ⋆ φ_T ⋆ φ_F, with S0 and S1.

    n2 = −1 is α = 0: | |x ⋆ ψ_n1| ⋆ φ_T ⋆ ψ_n_fr | ⋆ φ_F, for spins 0 and +1.
    """
    bank = filters(len(x), **options)
    options_fr = {"J_fr": J_fr, "Q_fr": Q_fr, "F": F, "stride_fr": stride_fr}
    options_fr |= {"J1": bank.J[0], "Q1": bank.Q[0], "pad_mode_fr": pad_mode_fr}
    options_fr |= {name: options[name] for name in ("normalize", "r_psi") if name in options}
    fr = filters_fr(len(bank.psi1), **options_fr)
    fr_real = filters_fr(len(bank.psi1), **options_fr, n_spins=1)
    s0, s1, u1, averaged = first_orders(bank, x, decimate)
    s2 = {}
    for n_fr in range(1 + fr.n_up):
        s2[-1, n_fr] = across_rows(fr_real, n_fr, averaged, lambda u: u, decimate)
    for n2, y2, finish in second_orders(bank, u1, decimate):
        for n_fr in range(len(fr.psi)):
            s2[n2, n_fr] = across_rows(fr, n_fr, y2, finish, decimate)
    return SimpleNamespace(S0=s0, S1=s1, S2=s2)
