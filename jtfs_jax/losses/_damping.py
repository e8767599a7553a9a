"""A Levenberg–Marquardt damping schedule driven by the validation loss."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jtfs_jax import _checks
from jtfs_jax._jit import jit
from jtfs_jax._nodes import exportable


@exportable
class Damping(eqx.Module):
    """State of a damping schedule, created by `start_damping`.

    Attributes:
        strength: λ, the `damping` of `pnp_loss`.
        largest: λ₀, the initial value of λ and its upper bound.
        best: The lowest validation loss so far, infinite before the first update.
        improved: Whether the last validation loss was lower than all previous ones.
    """

    strength: Float[Array, ""]
    largest: Float[Array, ""]
    best: Float[Array, ""]
    improved: Bool[Array, ""]


def start_damping(strength: float | Float[Array | np.ndarray, ""]) -> Damping:
    """Return the damping before the first epoch: λ = λ₀.

    If λ₀ is larger than the eigenvalues of M, training begins as with the squared error of the
    parameters. In the literature, λ₀ is the square of the largest eigenvalue over the training set,
    regardless of its units.

    Args:
        strength: λ₀, at least 0, in the units of M if `damping_matrix` is "identity".

    Returns:
        The initial state for `update_damping`.

    Raises:
        ValueError: If `strength` is negative or not a real number.

    Example:
        >>> import jax.numpy as jnp
        >>> from jtfs_jax.losses import eigendecomposition
        >>> metrics = jnp.array([[[2.0, 0.0], [0.0, 18.0]], [[3.0, 0.0], [0.0, 5.0]]])
        >>> damping = start_damping(eigendecomposition(metrics).values.max() ** 2)
        >>> float(damping.strength)
        324.0

    References:
        See `update_damping`.
    """
    strength = _checks.not_negative("strength", strength)
    if not jnp.issubdtype(strength.dtype, jnp.floating):
        strength = strength.astype(float)
    return Damping(
        strength=strength,
        largest=strength,
        best=jnp.full_like(strength, jnp.inf),
        improved=jnp.zeros((), bool),
    )


@partial(jit, static_argnames=("decrease", "increase"))
@jax.named_scope("jtfs_jax.losses.update_damping")
def update_damping(
    damping: Damping,
    validation_loss: float | Float[Array | np.ndarray, ""],
    *,
    decrease: float = 0.2,
    increase: float = 1.0,
) -> Damping:
    """Update the damping after an epoch: decrease it as long as validation improves.

        success, validation_loss < best:    λ ← decrease · λ,      best ← validation_loss
        failure, otherwise:                 λ ← min(increase · λ, λ₀)

    In the literature, Adam is reset after a success, and training resumes from the best network
    after a failure; `damping.improved` distinguishes the two cases. A loss of NaN is a failure.

    Args:
        damping: From `start_damping` or the previous update.
        validation_loss: Mean of `pnp_loss`, without damping, over sounds not used for training.
        decrease: Factor of λ after a success, between 0 and 1.
        increase: Factor of λ after a failure, at least 1.

    Returns:
        The next state; its `strength` is for the next epoch.

    Raises:
        ValueError: If `decrease` or `increase` is out of range, or the loss is not one number.

    Example:
        >>> damping = start_damping(100.0)
        >>> for loss in (3.0, 2.0, 2.5):
        ...     damping = update_damping(damping, loss, increase=2.0)
        ...     print(round(float(damping.strength), 3), bool(damping.improved))
        20.0 True
        4.0 True
        8.0 False

    References:
        Han, Lostanlen & Lagrange, Perceptual–Neural–Physical Sound Matching, 2023,
        arXiv:2301.02886 (decrease=0.2); Learning to Solve Inverse Problems for Perceptual Sound
        Matching, 2024, arXiv:2311.14213 (decrease=0.05).

    See Also:
        pnp_loss: the loss that is damped.
    """
    decrease = _checks.fraction("decrease", decrease)
    increase = _checks.positive_number("increase", increase)
    if increase < 1:
        raise ValueError(
            f"increase must be at least 1, got {increase!r}; 1 leaves the damping unchanged."
        )
    loss = _checks.real_array("validation_loss", validation_loss)
    if loss.ndim:
        raise ValueError(
            f"validation_loss must be one number, got the shape {loss.shape}; take the mean."
        )
    loss = loss.astype(damping.best.dtype)
    improved = loss < damping.best
    return Damping(
        strength=jnp.where(
            improved,
            decrease * damping.strength,
            jnp.minimum(increase * damping.strength, damping.largest),
        ),
        largest=damping.largest,
        best=jnp.where(improved, loss, damping.best),
        improved=improved,
    )
