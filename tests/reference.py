"""Joint time-frequency scattering by its literal definition, in NumPy and float64.

The oracle of the test suite: full-rate circular convolutions over time, unbounded ones over rows.
It shares nothing with `jtfs_jax`: filters, padding, sampling grids and conventions are written a
second time. `decimate=True` is the same definition on the library's grids: a band-pass output is
kept every 2**k samples *before* its modulus, which then may alias. Without it k = 0, everywhere.

Axes are (n1, time); `k` is the log2 of the sampling step; `at` are indices of the padded signal.
"""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

SIGMA0, R_PSI, ALPHA = 0.1, math.sqrt(0.5), 5.0
NEGLIGIBLE = 1e-10  # of a kernel's peak: rows farther away are left out


# ---- Filters -----------------------------------------------------------------------------------


def centers(J, Q, r_psi=R_PSI):
    """(ξ, σ) of Andén's wavelets, from high to low frequency (paper 003, section 3.1)."""
    step = 2 ** (1 / Q)
    xi = max(1 / (1 + step**3), 0.35)
    sigma = xi * (step - 1) / (step + 1) / math.sqrt(-2 * math.log(r_psi))
    sigma_min = SIGMA0 / 2**J
    wavelets = []
    if sigma <= sigma_min:
        xi = sigma
    else:
        wavelets.append((xi, sigma))
        while sigma > sigma_min * step:
            xi, sigma = xi / step, sigma / step
            wavelets.append((xi, sigma))
    elbow = xi
    return wavelets + [(elbow * (1 - q / Q), sigma_min) for q in range(1, Q)]


def exponent(xi, sigma):
    """Largest j for which the band |f| ≤ ξ + ασ fits a sampling step of 2**j."""
    return math.floor(-math.log2(min(xi + ALPHA * sigma, 0.5))) - 1


def bump(n, xi, sigma):
    """Σ_p exp(−(f + p − ξ)² / 2σ²) at the frequencies f = 0, 1/n, … (n − 1)/n."""
    assert sigma < 0.3, "more periods p are needed"
    f = np.arange(n) / n + np.arange(-3, 4)[:, None]
    return np.exp(-((f - xi) ** 2) / (2 * sigma**2)).sum(axis=0)


def gaussian(n, width):
    """φ̂ on n bins: σ = 0.1 / width in Fourier, Σ_t |φ(t)| = 1."""
    phi_hat = bump(n, 0.0, SIGMA0 / width)
    return phi_hat / np.abs(np.fft.ifft(phi_hat)).sum()


def morlet(n, xi, sigma, analytic=False):
    """ψ̂ on n bins: bump at ξ − κ · bump at 0, with ψ̂(0) = 0 and Σ_t |ψ(t)| = 1."""
    gabor, low_pass = bump(n, xi, sigma), bump(n, 0.0, sigma)
    psi_hat = gabor - gabor[0] / low_pass[0] * low_pass
    if analytic:
        psi_hat[n // 2 + 1 :] = 0
    return psi_hat / np.abs(np.fft.ifft(psi_hat)).sum()


def tight_share(covered, missing, family):
    """Share of what φ̂² leaves that a tight family covers: all, from its lowest ξ to its highest.

    Above, as much as twice the gain at the highest ξ covers; below, c / (c + ε) of it, where c is
    what untreated wavelets cover, and ε 0.305 of c at the highest ξ, or less, until the sum with
    φ̂² is nowhere below 0.57.
    """
    n = len(covered)
    f = np.minimum(np.arange(n), n - np.arange(n))
    low, high = (covered[int(xi * n)] for xi in (family[-1][0], family[0][0]))
    share = np.where(f >= int(family[0][0] * n), np.minimum(4 * covered / high, 1), 1.0)
    below = f < int(family[-1][0] * n)
    c = np.minimum(covered[below], low)
    for i in range(1000):
        epsilon = 0.305 * high * 2 ** (-i / 8)
        share[below] = c / (c + epsilon) / (low / (low + epsilon))
        if np.all(1 - missing[below] * (1 - share[below]) >= 0.57):
            return share
    raise AssertionError("no share is large enough")


def morlets(n, J, Q, r_psi, analytic, normalize):
    """(ξ, σ, ψ̂) of a family; with normalize="energy" a tight frame, as far as it may be one."""
    family = centers(J, Q, r_psi)
    hats = np.stack([morlet(n, xi, sigma, analytic) for xi, sigma in family])
    if normalize == "energy":
        squares = (hats**2).sum(axis=0)
        covered = np.maximum(0.5 * (squares + squares[-np.arange(n)]), np.finfo(float).tiny)
        missing = np.maximum(1 - gaussian(n, 2**J) ** 2, 0)
        hats *= np.sqrt(missing * tight_share(covered, missing, family) / covered)
    return [(xi, sigma, hat) for (xi, sigma), hat in zip(family, hats, strict=True)]


def width(value, J):
    """Width of the low-pass that T (or F) asks for: 2**J where it names none."""
    return 2**J if value in (None, "global", 0) else value


def padded_length(n_samples, J, T, pad_mode):
    """N_pad: a power of two with three supports of φ_T on either side, if reflection allows.

    That is Kymatio's. It doubles until filters see nothing but the signal's continuation.
    """
    m = max(n_samples, 2**J)
    half = np.abs(np.fft.ifft(gaussian(m, max(width(T, J), 2 ** (J - 2)))))[: m // 2]
    tails = np.cumsum(half[::-1])[::-1]  # tails[n] = Σ_{m ≥ n} |h(m)|
    negligible = np.flatnonzero(tails <= 1e-3)
    support = negligible[0] + 1 if len(negligible) else m // 2
    n_pad = 2 ** min(math.ceil(math.log2(m + 6 * support)), math.floor(math.log2(3 * m - 2)))
    while not is_long_enough(n_pad, n_samples, J, T, pad_mode):
        n_pad = 2 * n_pad
    return n_pad


def is_long_enough(n_pad, n_samples, J, T, pad_mode):
    """Whether padding is longer than filters, or the padded signal goes on by itself."""
    std_phi = 0 if T == "global" else width(T, J) / (2 * math.pi * SIGMA0)
    std_psi = 2**J / (2 * math.pi * SIGMA0)
    if n_pad < 6 * std_psi:
        return False
    if pad_mode == "zero":
        return n_pad - n_samples >= 4 * math.sqrt(std_phi**2 + 2 * std_psi**2)
    period = n_samples if pad_mode == "periodic" else 2 * n_samples - 2
    jump = abs(n_pad - period * round(n_pad / period))  # of the continuation, at the seam
    each_side = (n_pad - n_samples) / 2
    if jump == 0:
        return True
    if jump <= 2 and each_side >= 2.5 * max(std_phi, std_psi):
        return True
    return each_side >= math.sqrt((4 * std_phi) ** 2 + (2.4 * std_psi) ** 2)


def filters(
    n_samples,
    *,
    J,
    Q,
    T=None,
    stride=None,
    analytic=False,
    pad_mode="reflect",
    normalize="l1",
    r_psi=R_PSI,
    stretch=1,
):
    """The time filterbank, and the grid on which it lies; `stretch` makes the padding longer."""
    J1, J2 = J if isinstance(J, tuple) else (J, J)
    Q1, Q2 = Q if isinstance(Q, tuple) else (Q, 1)
    J, T = max(J1, J2), T if T is not None else 2 ** max(J1, J2)
    n_pad = stretch * padded_length(n_samples, J, T, pad_mode)

    def wavelets(J, Q):
        return [
            SimpleNamespace(xi=xi, sigma=sigma, j=exponent(xi, sigma), hat=hat)
            for xi, sigma, hat in morlets(n_pad, J, Q, r_psi, analytic, normalize)
        ]

    return SimpleNamespace(
        n_samples=n_samples,
        n_pad=n_pad,
        pad_left=(n_pad - n_samples) // 2,
        pad_mode=pad_mode,
        T=T,
        stride=stride if stride and T != 0 else 2 ** math.floor(math.log2(width(T, J))),
        J=(J1, J2),
        Q=(Q1, Q2),
        psi1=wavelets(J1, Q1),
        psi2=wavelets(J2, Q2),
        phi=gaussian(n_pad, width(T, J)),
    )


def filters_fr(
    n1,
    *,
    J1,
    Q1,
    J_fr,
    Q_fr=1,
    F=None,
    stride_fr=None,
    pad_mode_fr="zero",
    normalize="l1",
    r_psi=R_PSI,
    n_spins=2,
):
    """The frequential filterbank: row-domain kernels in the order of n_fr, one period each."""
    F = 2**J_fr if F is None else F
    n_rows = max((J1 + 1) * Q1, n1) + 8 * max(2**J_fr, width(F, J_fr))
    n_rows = int(n_rows) // 2**J_fr * 2**J_fr
    low_pass = SimpleNamespace(j=J_fr, spin=0, h=np.fft.ifft(gaussian(n_rows, 2**J_fr)))
    share = math.sqrt(n_spins) if normalize == "energy" else 1  # of the energy of complex rows
    up = [
        SimpleNamespace(j=exponent(xi, sigma), spin=1, h=np.fft.ifft(hat) / share)
        for xi, sigma, hat in morlets(n_rows, J_fr, Q_fr, r_psi, False, normalize)
    ]
    down = [SimpleNamespace(j=psi.j, spin=-1, h=psi.h.conj()) for psi in up]
    return SimpleNamespace(
        reflect=pad_mode_fr == "conj-reflect",
        F=F,
        stride=stride_fr or 2 ** math.floor(math.log2(width(F, J_fr))),
        psi=[low_pass, *up, *down],
        n_up=len(up),
        phi=np.fft.ifft(gaussian(n_rows, width(F, J_fr))).real,
        phi_is_wider=width(F, J_fr) > 2**J_fr,
    )


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
    """Mean of u over the signal if T is "global", else u ⋆ φ_T at the frames."""
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
    """y and, on either side, rows of its mirror images, conjugate or not."""
    image = y[::-1].conj() if conjugate else y[::-1]
    return np.concatenate([y, image])[np.arange(-n_more, len(y) + n_more) % (2 * len(y))]


def across_rows(fr, n_fr, y, finish, decimate):
    """|y ⋆ ψ_fr| over all rows, averaged over time by `finish`, then over rows by F.

    y is zero beyond its own rows, or its conjugate reflections. Both averages are linear, on
    different axes: the one over time comes last here because fewer rows are left then.
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
    """S0, S1, and what higher orders need: u1(n1) = |x ⋆ ψ_n1| with its k, and its average.

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
    """Where reflections run backward, between the samples at which they turn."""
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
        if bank.pad_mode == "conj-reflect" and bank.T != "global":  # which is of the signal alone
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
