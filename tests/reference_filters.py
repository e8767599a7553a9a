"""Filters by their definitions, which the oracle in `reference.py` convolves with.

It shares nothing with `jtfs_jax`: filters, padding and conventions are implemented a second time.
"""

import math
from types import SimpleNamespace

import numpy as np

SIGMA0, R_PSI, ALPHA = 0.1, math.sqrt(0.5), 5.0


def centers(J, Q, r_psi=R_PSI):
    """(ξ, σ) of Andén's wavelets, from high to low frequency."""
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


def step(x):
    """Φ: the integral of a Gaussian of unit variance."""
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])


def positive(n, sigma):
    """Gain of frequencies: 1 between 0 and ½, and almost 0 below 0."""
    f = np.arange(n) / n + np.arange(-2, 3)[:, None]
    rises = [step((row / sigma - 0.42) / 0.38) for row in f]
    falls = [step(((row - 0.5) / sigma + 0.42) / 0.38) for row in f]
    return np.sum(rises, axis=0) - np.sum(falls, axis=0)


def morlet(n, xi, sigma, analytic=False, tight=False):
    """ψ̂ on n bins: bump at ξ − κ · bump at 0, with ψ̂(0) = 0 and Σ_t |ψ(t)| = 1."""
    gabor, low_pass = bump(n, xi, sigma), bump(n, 0.0, sigma)
    psi_hat = gabor - gabor[0] / low_pass[0] * low_pass
    if analytic and tight:
        psi_hat[n // 2 + 1 :] = 0
    elif analytic:
        psi_hat *= positive(n, sigma)
    return psi_hat / np.abs(np.fft.ifft(psi_hat)).sum()


def tight_share(covered, missing, family):
    """Fraction of 1 − φ̂² that a tight family covers: all of it from its lowest to its highest ξ.

    Above, the fraction that twice the gain covers, relative to the highest ξ; below, c / (c + ε),
    relative to the lowest ξ. Here c is the coverage of untreated wavelets, and ε is 0.305 of c at
    the highest ξ, or less, such that the sum with φ̂² is nowhere below 0.57.
    """
    n = len(covered)
    f = np.minimum(np.arange(n), n - np.arange(n))
    low, high = (covered[int(xi * n + 1e-6)] for xi in (family[-1][0], family[0][0]))
    share = np.where(f >= int(family[0][0] * n + 1e-6), np.minimum(4 * covered / high, 1), 1.0)
    below = f < int(family[-1][0] * n + 1e-6)
    c = np.minimum(covered[below], low)
    for i in range(1000):
        epsilon = 0.305 * high * 2 ** (-i / 8)
        share[below] = c / (c + epsilon) / (low / (low + epsilon))
        if np.all(1 - missing[below] * (1 - share[below]) >= 0.57):
            return share
    raise AssertionError("no share is large enough")


def morlets(n, J, Q, r_psi, analytic, normalize):
    """(ξ, σ, ψ̂) of a family; with normalize="energy", tight as far as `tight_share` allows."""
    family = centers(J, Q, r_psi)
    tight = normalize == "energy"
    hats = np.stack([morlet(n, xi, sigma, analytic, tight) for xi, sigma in family])
    if normalize == "energy":
        squares = (hats**2).sum(axis=0)
        covered = np.maximum(0.5 * (squares + squares[-np.arange(n)]), np.finfo(float).tiny)
        missing = np.maximum(1 - gaussian(n, 2**J) ** 2, 0)
        hats *= np.sqrt(missing * tight_share(covered, missing, family) / covered)
    return [(xi, sigma, hat) for (xi, sigma), hat in zip(family, hats, strict=True)]


def width(value, J):
    """Width of the low-pass filter that T (or F) specifies; 2**J if it specifies none."""
    return 2**J if value in (None, "global", 0) else value


def padded_length(n_samples, J, T, pad_mode):
    """N_pad: a power of two with three supports of φ_T on each side, if reflection allows.

    This is Kymatio's rule. N_pad then doubles until filters see only the continued signal.
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
    """Whether padding is longer than the filters, or the padded signal is periodic anyway."""
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
    """The time filterbank and its grid; `stretch` makes the padding longer."""
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
    share = math.sqrt(n_spins) if normalize == "energy" else 1  # energy of complex rows
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
