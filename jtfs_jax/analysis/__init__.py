"""Analysis of sounds, coefficients and filterbanks; coefficients as features for learning."""

from ._compression import (
    PathConstants as PathConstants,
    Standardization as Standardization,
    fit_levels as fit_levels,
    fit_standardization as fit_standardization,
    log_compress as log_compress,
    mu_log as mu_log,
    standardize as standardize,
)
from ._energy import (
    energy_fractions as energy_fractions,
    pair_distances as pair_distances,
    pair_energies as pair_energies,
    path_energies as path_energies,
    spin_ratio as spin_ratio,
    spin_ratios as spin_ratios,
)
from ._interchannel import (
    InterchannelImage as InterchannelImage,
    interchannel_image as interchannel_image,
)
from ._littlewood_paley import (
    JointLittlewoodPaley as JointLittlewoodPaley,
    LittlewoodPaley as LittlewoodPaley,
    joint_littlewood_paley as joint_littlewood_paley,
    littlewood_paley as littlewood_paley,
)
from ._packing import (
    PackedAxes as PackedAxes,
    PackedScattering as PackedScattering,
    pack as pack,
    packed_axes as packed_axes,
    unpack as unpack,
)
from ._synchrony import band_synchrony as band_synchrony
