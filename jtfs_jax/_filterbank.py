"""The filterbank: every table that the transforms need, computed once."""

import dataclasses
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import eval_context
from jaxtyping import DTypeLike

from . import _checks, _limits, _presets, _sampling
from ._design import Design, tables
from ._nodes import exportable
from ._platforms import LAYOUTS, Layout, resolve
from ._wavelets import Family, Wavelet


@exportable
class FilterBank(eqx.Module):
    """Filters of the scattering transforms, built by `filterbank`; a pytree to pass to them.

    Its leaves are arrays; everything else is static. Frequencies and bandwidths are in
    cycles/sample for wavelets over time and in cycles/row for wavelets along log-frequency.

    `T`, `F`, `wavelets1`, `wavelets2` and `wavelets_fr` belong to the design, which determines how
    filters are sampled. They stay the same when `with_parameters` replaces the filters.

    Attributes:
        n_samples: Length of the signals.
        n_padded: Length to which signals are padded.
        T: Width of φ_T in samples, "global" or 0.
        stride: Samples between frames, or None if T is "global" or 0.
        F: Width of φ_F in rows, "global" or 0.
        stride_fr: Rows between bands, or None if F is "global" or 0.
        J: log2 of the duration of the longest wavelets in the first and second order.
        J_fr: log2 of the length of the longest wavelets along log-frequency, or None without them.
        Q: Wavelets per octave in the first and second order.
        Q_fr: Wavelets per octave along log-frequency.
        wavelets1: Center frequency `xi`, bandwidth `sigma` and decimation `j` of each first-order
            wavelet.
        wavelets2: The same for second-order wavelets.
        wavelets_fr: The same for wavelets along log-frequency, with spin +1.
        analytic, pad_mode, pad_mode_fr, normalize, r_psi, oversampling, platform: Options of
            `filterbank`.
    """

    tables: Any  # private: the `Tables` that the transforms read
    parameters: Any  # private: `FilterParameters` in place of the design's own, or None

    n_samples: int = eqx.field(static=True)
    J: tuple[int, int] = eqx.field(static=True)
    Q: tuple[int, int] = eqx.field(static=True)
    T: float | str = eqx.field(static=True)
    stride: int | None = eqx.field(static=True)
    J_fr: int | None = eqx.field(static=True)
    Q_fr: int = eqx.field(static=True)
    F: float | str = eqx.field(static=True)
    stride_fr: int | None = eqx.field(static=True)
    n_padded: int = eqx.field(static=True)
    wavelets1: tuple[Wavelet, ...] = eqx.field(static=True)
    wavelets2: tuple[Wavelet, ...] = eqx.field(static=True)
    wavelets_fr: tuple[Wavelet, ...] = eqx.field(static=True)
    analytic: bool = eqx.field(static=True)
    pad_mode: str = eqx.field(static=True)
    pad_mode_fr: str = eqx.field(static=True)
    normalize: str = eqx.field(static=True)
    r_psi: float = eqx.field(static=True)
    oversampling: int = eqx.field(static=True)
    platform: str = eqx.field(static=True)

    @property
    def layout(self) -> Layout:
        """Block sizes for computation on the platform."""
        return LAYOUTS[self.platform]

    @property
    def dtype(self) -> np.dtype:
        """Precision of the filters and of the results."""
        return self.tables.phi_hat.dtype

    @property
    def low_pass_width(self) -> float:
        """Width of φ_T, or of the low-pass filter α = 0 if T is 0 or "global"."""
        return _sampling.low_pass_width(self.T, max(self.J))

    @property
    def low_pass_stride(self) -> int:
        """Samples between frames of φ_T, or of the low-pass filter α = 0 if T is 0 or "global"."""
        return self.stride or 2 ** max(self.J)

    @property
    def critical_stride(self) -> int:
        """Largest power of two up to the width of φ_T; frames at this stride determine others."""
        return _sampling.critical_stride(self.T, max(self.J))

    @property
    def paths_share_shape(self) -> bool:
        """Whether averages give all paths of `jtfs` the same shape, so that S2 is an array."""
        return 0 not in (self.T, self.F)

    @property
    def design(self) -> Design:
        """Design from which the tables are computed."""
        return self.design_in(self.dtype)

    def design_in(self, dtype: np.dtype) -> Design:
        """Return the design in a given precision."""
        options = _presets.Options(**{f: getattr(self, f) for f in _presets.Options._fields})
        n_samples, n_padded, J = self.n_samples, self.n_padded, max(self.J)
        order1 = Family(self.wavelets1, self.J[0], options.analytic, options.tight)
        order2 = Family(self.wavelets2, self.J[1], options.analytic, options.tight)
        family_fr = None
        if self.J_fr is not None:
            # Never analytic: both spins come from the same matrices.
            family_fr = Family(self.wavelets_fr, self.J_fr, analytic=False, tight=options.tight)
        return Design(
            n_samples=n_samples,
            n_padded=n_padded,
            log2_limit=_sampling.log2_decimation(n_samples, n_padded, self.T, J),
            T=self.T,
            stride=self.stride,
            F=self.F,
            stride_fr=self.stride_fr,
            Q=self.Q[0],
            family1=order1,
            family2=order2,
            family_fr=family_fr,
            options=options,
            layout=self.layout,
            dtype=dtype,
        )

    def frames(self, stride: int) -> range:
        """Return the indices of multiples of `stride` on the padded axis within the signal."""
        return _sampling.frames(self.n_samples, self.n_padded, stride)


def filterbank(
    n_samples: int | None,
    J: int | tuple[int, int],
    Q: int | tuple[int, int],
    *,
    T: _checks.Width = None,
    stride: int | None = None,
    J_fr: int | None = None,
    Q_fr: int = 1,
    F: _checks.Width = None,
    stride_fr: int | None = None,
    preset: Literal["kymatio", "sharp"] = "kymatio",
    analytic: bool | None = None,
    pad_mode: Literal["reflect", "conj-reflect", "zero", "periodic"] | None = None,
    pad_mode_fr: Literal["zero", "conj-reflect"] | None = None,
    normalize: Literal["l1", "energy"] | None = None,
    r_psi: float | None = None,
    oversampling: int = 0,
    dtype: DTypeLike = jnp.float32,
    platform: Literal["cpu", "gpu", "tpu"] | None = None,
) -> FilterBank:
    """Build the filters of `scalogram`, `time_scattering` and `jtfs` for signals of a given length.

    First- and second-order wavelets are Morlet wavelets from Andén's generator: above an "elbow"
    frequency, their quality factor is constant; below it, their bandwidth is. The frequential
    wavelets ψ_β are built the same way, in cycles/row along the axis n1 of first-order wavelets,
    with both spins. φ_T and φ_F are Gaussians with unit l1 norm.

    Tables are computed in NumPy and float64, then cast to `dtype`. Options are validated here; the
    transforms work with all options that this function accepts.

    Args:
        n_samples: Length of the signals, at least 2. None chooses the length of segments for
            `segmented` and `stream`, which accept signals of any length: a power of two such that
            they transform at most 1.3 samples per signal sample.
        J: log2 of the duration of the longest wavelets, in samples, or a pair `(J1, J2)` for the
            two orders. Wavelets may be up to 16 times as long as the signals.
        Q: Wavelets per octave in the first order, with 1 in the second, or a pair `(Q1, Q2)`.
        T: Width of φ_T in samples: a number from 1 to `n_samples`, 0 for no averaging, or "global"
            for the mean over the signal. None means 2**J. A wide φ_T approaches that mean, except
            with pad_mode="zero", where it includes the silence around the signal.
        stride: Samples between frames, a power of two up to T. None means the largest. Must be None
            if T is 0 or "global".
        J_fr: log2 of the length of the longest frequential wavelets, in rows. Their length is at
            most the number of rows in J + 1 octaves, (J + 1) · Q. `jtfs` needs frequential filters;
            None builds none.
        Q_fr: Frequential wavelets per octave.
        F: Width of φ_F in rows: a number from 1 to (J + 1) · Q, 0 for no averaging, or "global" for
            the mean over rows. None means 2**J_fr. A wide φ_F approaches that mean with
            pad_mode_fr="conj-reflect"; otherwise it includes zeros beyond the rows.
        stride_fr: Rows between bands, a power of two up to F. None means the largest. Must be None
            if F is 0 or "global".
        preset: Values for the options below that are None. "kymatio" agrees with Kymatio:
            analytic=False, pad_mode="reflect", pad_mode_fr="zero", normalize="l1", r_psi=√½.
            "sharp" separates rising from falling sounds best, and has analytic=True and
            pad_mode="conj-reflect" instead. For an exponential chirp across the whole band, the
            ratio of the energies of the two spins is 16 : 1 with "kymatio" and 740 : 1 with
            "sharp"; with silence around the sound and pad_mode="zero", it is 109 : 1 and 1400 : 1.
        analytic: Whether to suppress the response of wavelets over time at negative frequencies,
            through which Morlet wavelets respond to the opposite spin. With one wavelet per octave,
            Morlet wavelets have 5e-4 of their energy there, analytic wavelets 1e-7. Analytic
            wavelets decay to 1e-3 of their peak within 8 standard deviations of the Morlet envelope
            rather than 4, and to 1e-6 within 12 rather than 5. With normalize="energy", they have
            no energy at negative frequencies, but decay slowly. Frequential wavelets remain Morlet
            wavelets, as analytic ones would barely separate the spins better.
        pad_mode: Continuation of signals beyond their ends, in time. "reflect" adds no
            discontinuity, but a chirp that reaches an end turns around there and excites the
            opposite spin for a frame or two. "conj-reflect" also reflects signals, but conjugates
            U1 ⋆ ψ_n2 in the reflections, which preserves the spin in paths averaged over T; it
            costs one more product with U1 ⋆ ψ_n2 and changes nothing else. "zero" suits sounds that
            begin and end in silence; it adds discontinuities (clicks) to others. "periodic" suits
            loops. Padding is as long as the filters reach: it makes signals up to 26 times as
            long if T or the wavelets are as long as the signal.
        pad_mode_fr: Continuation of U1 ⋆ ψ_n2 beyond the rows that ψ_n2 acts on. "zero" loses
            energy at these edges. "conj-reflect" continues the rows by conjugate reflections, which
            have the same spin (for β = 0, without conjugation). This preserves energy and makes
            F="global" the limit of a wide φ_F. It separates spins slightly less, by 980 : 1 rather
            than the 1400 : 1 above, and takes about 0.6 times as long, because no rows beyond the
            edges are computed.
        normalize: "l1": wavelets have unit l1 norm, so that tones of equal amplitude have equal
            peaks in S1. "energy": the wavelets of each order, and the frequential wavelets of both
            spins, form a tight frame with a low-pass filter of width 2**J or 2**J_fr. If T and F
            are at least that wide, distances contract. With pad_mode_fr="conj-reflect", |U1 ⋆ ψ_α ⋆
            ψ_β| and S0 then have the energy of the signal, except for energy above the highest
            wavelets and up to 40 % of the energy between the low-pass filter and the lowest
            wavelet. The frame has steeper edges than Morlet wavelets, which separates spins less:
            by 830 : 1 with zeros, 446 : 1 with conjugate reflections. Frequential wavelets are
            longer, which takes up to twice the time with pad_mode_fr="zero".
        r_psi: Fraction of their peaks at which neighboring wavelets cross, between 0 and 1. With
            larger values, wavelets overlap more, are shorter in time and in rows, and cover
            frequencies more evenly; with one wavelet per octave, the limit is 0.97.
        oversampling: log2 of the factor by which wavelet outputs are sampled more densely than by
            default before their modulus is averaged, over time and over rows. Coefficients keep
            their shapes. Moduli are not band-limited, so decimation leaves an error in S2 of 1.5e-5
            for 0, 1.9e-6 for 1 and 2.7e-7 for 2; from 3 on, none remains in float32.
        dtype: float32, or float64 if JAX has it enabled. Results have the same dtype.
        platform: Platform on which the transforms should be fast. It determines how tables are laid
            out: for loops over small blocks on a CPU, for a few large operations on a GPU. Results
            are the same up to rounding, and any filterbank works on any platform. None means the
            platform of JAX's default backend; name another one to export or lower a program for it.

    Returns:
        A pytree of arrays, to pass to the transforms as an argument.

    Raises:
        ValueError: If an argument is out of range, or if the filters do not fit into memory.

    Warns:
        UserWarning: If `J_fr` is given, but no second-order wavelet is slower than a first-order
            wavelet. `jtfs` then has no paths with second-order wavelets.

    Example:
        >>> import jtfs_jax
        >>> bank = jtfs_jax.filterbank(2**15, J=12, Q=(8, 2), J_fr=3, Q_fr=2, T=2**11)
        >>> bank.stride, bank.stride_fr, len(bank.wavelets1)
        (2048, 8, 86)

    References:
        Andén & Mallat, Deep Scattering Spectrum, 2014, arXiv:1304.6763.
        Lostanlen & Han, Musical Metamerism with Time–Frequency Scattering, 2024, section 3.1.

    See Also:
        path_table: the rate, scale and spin of each path, in Hz and cycles/octave.
    """
    given = {"analytic": analytic, "pad_mode": pad_mode, "pad_mode_fr": pad_mode_fr}
    given |= {"r_psi": r_psi, "oversampling": oversampling}
    options = _presets.resolve(preset, **given, normalize=normalize)
    if n_samples is None:
        n_samples = _limits.segment_length(J, T, options.pad_mode)
    n_samples = _limits.signal_length(n_samples)
    J1, J2 = _limits.log2_durations(J, n_samples)
    Q1, Q2 = _checks.one_or_two("Q", Q, default=1)
    J_max = max(J1, J2)
    width = _checks.width("T", T, 2**J_max, n_samples, "samples")
    stride = _checks.stride("stride", stride, "T", width)
    dtype = _checks.real_dtype(dtype)
    chosen = resolve(platform)
    _limits.wavelets_an_octave("J", J1, "Q", Q1, options.r_psi)
    _limits.wavelets_an_octave("J", J2, "Q[1]", Q2, options.r_psi)
    sizes, is_joint = (n_samples, (J1, J2), (Q1, Q2)), J_fr is not None
    # A lower bound on `n_padded`, before any wavelet is computed.
    _limits.memory(2 * max(n_samples, 2**J_max), *sizes, joint=is_joint)
    wavelets1 = _limits.wavelets(J1, "Q", Q1, options.r_psi)
    wavelets2 = _limits.wavelets(J2, "Q[1]", Q2, options.r_psi)
    n_rows = len(wavelets1)
    if J_fr is None:
        _checks.joint_only(
            Q_fr=(Q_fr, 1),
            F=(F, None),
            stride_fr=(stride_fr, None),
            pad_mode_fr=(pad_mode_fr, None),
        )
        Q_fr, wavelets_fr, width_fr = 1, (), 0.0
    else:
        largest = max(n_rows, (J1 + 1) * Q1)
        J_fr = _limits.log2_rows(J_fr, largest)
        (Q_fr,) = _checks.integers("Q_fr", Q_fr, (1,), "an integer")
        width_fr = _checks.width("F", F, 2**J_fr, largest, "rows")
        stride_fr = _checks.stride("stride_fr", stride_fr, "F", width_fr)
        _limits.wavelets_an_octave("J_fr", J_fr, "Q_fr", Q_fr, options.r_psi)
        wavelets_fr = _limits.wavelets(J_fr, "Q_fr", Q_fr, options.r_psi)
        _limits.warn_without_second_order(wavelets1, wavelets2)

    n_padded = _sampling.padded_length(n_samples, J_max, width, options.pad_mode)
    _limits.memory(n_padded, *sizes, joint=is_joint)
    settings = FilterBank(
        tables=None,
        parameters=None,
        n_samples=n_samples,
        J=(J1, J2),
        Q=(Q1, Q2),
        T=width,
        stride=stride,
        J_fr=J_fr,
        Q_fr=Q_fr,
        F=width_fr,
        stride_fr=stride_fr,
        n_padded=n_padded,
        wavelets1=wavelets1,
        wavelets2=wavelets2,
        wavelets_fr=wavelets_fr,
        **options._asdict(),
        platform=chosen,
    )
    return dataclasses.replace(settings, tables=as_arrays(tables(settings.design_in(dtype)), dtype))


def as_arrays(tree: Any, dtype: np.dtype) -> Any:
    """Return tables as arrays of `dtype`, concrete even inside a trace so that they outlive it."""
    with eval_context():
        return jax.device_put(jax.tree.map(lambda table: table.astype(dtype), tree))
