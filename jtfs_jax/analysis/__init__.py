"""Analysis of sounds, coefficients and filterbanks; coefficients as features for learning."""

from ._compression import (
    PathConstants,
    Standardization,
    fit_levels,
    fit_standardization,
    log_compress,
    mu_log,
    standardize,
)
from ._energy import (
    energy_fractions,
    pair_distances,
    pair_energies,
    path_energies,
    spin_ratio,
    spin_ratios,
)
from ._interchannel import InterchannelImage, interchannel_image
from ._littlewood_paley import (
    JointLittlewoodPaley,
    LittlewoodPaley,
    joint_littlewood_paley,
    littlewood_paley,
)
from ._packing import PackedAxes, PackedScattering, pack, packed_axes, unpack
from ._synchrony import band_synchrony

__all__ = [
    "InterchannelImage",
    "JointLittlewoodPaley",
    "LittlewoodPaley",
    "PackedAxes",
    "PackedScattering",
    "PathConstants",
    "Standardization",
    "band_synchrony",
    "energy_fractions",
    "fit_levels",
    "fit_standardization",
    "interchannel_image",
    "joint_littlewood_paley",
    "littlewood_paley",
    "log_compress",
    "mu_log",
    "pack",
    "packed_axes",
    "pair_distances",
    "pair_energies",
    "path_energies",
    "spin_ratio",
    "spin_ratios",
    "standardize",
    "unpack",
]
