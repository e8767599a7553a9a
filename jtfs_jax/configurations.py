"""Settings of publications: `filterbank(**configurations.PNP.filterbank)` builds their filters.

`remarks` says what a publication leaves open, and where its code differs from it. Filters have the
defaults of `filterbank` unless the publication says otherwise. For signals of another length, use
`configurations.PNP.filterbank | {"n_samples": n}`.

    RETRIEVAL        chirps by their parameters, and their manifold       DAFx 2022, section 3
    CLASSIFICATION   musical instruments                                  DAFx 2022, section 4
    METAMERS         textures and music resynthesized from coefficients   DAFx 2022, section 5
    MESOSTRUCTURES   parameters of chirps by gradient descent             JAES 2023
    PNP              networks that match percussion and chirps            ICASSP 2023, TASLP 2024
    SCRAPL           networks trained with one random path at a time      ICLR 2026
"""

from dataclasses import dataclass
from typing import Any

__all__ = [
    "CLASSIFICATION",
    "MESOSTRUCTURES",
    "METAMERS",
    "PNP",
    "RETRIEVAL",
    "SCRAPL",
    "Configuration",
]


@dataclass(frozen=True, eq=False)
class Configuration:
    """Settings of a publication.

    Attributes:
        filterbank: Arguments of `filterbank`.
        sample_rate: Sample rate in Hz.
        ranges: Lowest and highest value of each parameter of the publication's synthesizer, equal
            for a constant; empty if it has no synthesizer. Parameters have the same names as in
            `synth`, if it has them. Parameters in Hz and octaves/second are log-uniform.
        compression: Arguments of `analysis.log_compress` ("level") or `analysis.mu_log`
            ("epsilon"); empty for none.
        source: The publication.
        remarks: Settings that the publication leaves open, and differences in its code.
    """

    filterbank: dict[str, Any]
    sample_rate: float
    ranges: dict[str, tuple[float, float]]
    compression: dict[str, float]
    source: str
    remarks: str


_DAFX = (
    "Muradeli, Vahidi, Wang, Han, Lostanlen, Lagrange & Fazekas, Differentiable Time–Frequency "
    "Scattering on GPU, DAFx 2022, arXiv:2204.08269, section {}"
)
_CHIRP_RANGES = {"f_c": (512.0, 1024.0), "f_m": (4.0, 16.0), "gamma": (0.5, 4.0)}

RETRIEVAL = Configuration(
    filterbank={
        "n_samples": 2**15,
        "J": 12,
        "Q": 8,
        "T": "global",
        "J_fr": 5,
        "Q_fr": 2,
        "F": 0,
    },
    sample_rate=8192.0,
    ranges=_CHIRP_RANGES,
    compression={},
    source=_DAFX.format(3),
    remarks=(
        "The settings follow the code, which averages over all samples. The paper has J=14, a T of "
        "1000 ms and f_m up to 32 Hz. J_fr and Q_fr are the defaults of Wavespin for these "
        "filters. Each parameter has 16 geometrically spaced values; signals are divided by their "
        "norm. Time scattering, for comparison, has Q=1 or Q=8 and the same J."
    ),
)

CLASSIFICATION = Configuration(
    filterbank={
        "n_samples": 2**16,
        "J": 13,
        "Q": 16,
        "T": 2**11,
        "J_fr": 6,
        "F": 4,
    },
    sample_rate=22050.0,
    ranges={},
    compression={"epsilon": 0.1},
    source=_DAFX.format(4),
    remarks=(
        "The paper says 44.1 kHz, but also that 2^16 samples are about 3 s, as they are at the "
        "rate of the files of Medley-solos-DB. Signals are divided by their standard deviation, S0 "
        "is left out, and each path is standardized after compression. Computed with Wavespin, "
        "whose defaults are analytic wavelets and tight frames: analytic=True, "
        'normalize="energy". Time scattering, for comparison, has the same J, Q and T.'
    ),
)

METAMERS = Configuration(
    filterbank={
        "n_samples": 2**16,
        "J": 12,
        "Q": 12,
        "T": 2**13,
        "J_fr": 3,
    },
    sample_rate=22050.0,
    ranges={},
    compression={},
    source=_DAFX.format(5),
    remarks=(
        "The paper gives J, Q and T (370 ms), and a loss of ‖Sx − Sy‖ / ‖Sx‖; J_fr comes from "
        "`jtfs-jax metamer`. The code does not average along frequency, F=0, with Wavespin's "
        "defaults of J_fr=5 and Q_fr=2 for these filters."
    ),
)

MESOSTRUCTURES = Configuration(
    filterbank={
        "n_samples": 2**15,
        "J": 12,
        "Q": (8, 2),
        "T": "global",
        "J_fr": 5,
        "Q_fr": 2,
        "F": 0,
    },
    sample_rate=8192.0,
    ranges={**_CHIRP_RANGES, "f_c": (512.0, 512.0)},
    compression={},
    source=(
        "Vahidi, Han, Wang, Lagrange, Fazekas & Lostanlen, Mesostructures: Beyond Spectrogram Loss "
        "in Differentiable Time–Frequency Analysis, Journal of the Audio Engineering Society "
        "71(9), 2023, arXiv:2301.10183"
    ),
    remarks=(
        "f_m and γ have 20 geometrically spaced values, with the target in the middle; time shifts "
        "are up to 2^12 samples; f_c is 768 Hz if carriers do not match. Chirps are multiplied by "
        "γ. The loss is the Euclidean distance. Scripts of the code differ in T (2^12 or 2^13 "
        "samples), in J_fr (3 by default), and in the highest f_m (15 Hz)."
    ),
)

PNP = Configuration(
    filterbank={
        "n_samples": 2**15,
        "J": 13,
        "Q": (12, 1),
        "T": "global",
        "J_fr": 6,
        "Q_fr": 1,
        "F": 2,
        "pad_mode": "zero",
    },
    sample_rate=8192.0,
    ranges=_CHIRP_RANGES,
    compression={"level": 1e-3},
    source=(
        "Han, Lostanlen & Lagrange, Perceptual–Neural–Physical Sound Matching, ICASSP 2023, "
        "arXiv:2301.02886; Learning to Solve Inverse Problems for Perceptual Sound Matching, IEEE "
        "TASLP 2024, arXiv:2311.14213"
    ),
    remarks=(
        "These settings are for chirps, which are multiplied by γ as in the code. Percussion has "
        "n_samples=2**16 at 22050 Hz, strings have 2**17. J_fr is the default of Wavespin for "
        "these filters; settings for Kymatio that the code keeps in a comment have J_fr=3. The "
        "first scripts for percussion have J=14, Q=12, T=2^13 and no compression. The papers have "
        "f_m up to 32 Hz."
    ),
)

SCRAPL = Configuration(
    filterbank={
        "n_samples": 2**15,
        "J": 12,
        "Q": (8, 2),
        "J_fr": 3,
        "Q_fr": 2,
    },
    sample_rate=8192.0,
    ranges={"density": (0.0, 1.0), "slope": (-1.0, 1.0)},
    compression={},
    source=(
        "Mitcheltree, Lostanlen, Benetos & Lagrange, SCRAPL: Scattering Transform with Random "
        "Paths for Machine Learning, ICLR 2026, arXiv:2602.11145"
    ),
    remarks=(
        "The ranges are for the granular synthesizer, whose grains have frequencies from 256 to "
        "2048 Hz. The loss of a path is a Euclidean distance, and its gradient is multiplied by "
        "1e8. The code offers logarithmic compression with a level of 1e-3 as an option."
    ),
)
