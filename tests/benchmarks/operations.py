"""Counts of a program's loops, Fourier transforms and products, and of their arithmetic.

Operations are counted as JAX traces them, once per trip for operations in a loop. XLA's own
`cost_analysis` counts the body of a loop only once.
"""

import math

import jax
import jax.numpy as jnp
from jax.extend.core import jaxprs_in_params

KINDS = ("loops", "trips", "transforms", "products", "transform_flop", "product_flop")


def counts(jaxpr):
    """Count the operations of a traced function by kind, and their floating-point operations."""
    found = dict.fromkeys(KINDS, 0)
    _add(found, jaxpr, n_trips=1)
    return found


def _add(found, jaxpr, n_trips):
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        n_inner = n_trips
        if name == "scan":
            n_inner = n_trips * equation.params["length"]
            found["loops"] += n_trips
            found["trips"] += n_inner
        elif name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            found["products"] += n_trips
            n_terms = math.prod(shape[axis] for axis in contracted)
            found["product_flop"] += n_trips * 2 * equation.outvars[0].aval.size * n_terms
        elif name == "fft":
            (length,) = equation.params["fft_lengths"]
            flop = 5 * length * math.log2(length) * math.prod(equation.outvars[0].aval.shape[:-1])
            if "RFFT" in equation.params["fft_type"].name:
                flop /= 2
            found["transforms"] += n_trips
            found["transform_flop"] += n_trips * round(flop)
        for inner in jaxprs_in_params(equation.params):
            _add(found, inner, n_inner)


def rates(seconds_of, device):
    """Measure floating-point operations per second of large products and of Fourier transforms.

    `seconds_of(function, *arguments)` measures a call. These are the best rates of the machine with
    the same library, so they limit the speed of a program.
    """
    key = jax.random.key(0)
    matrix = jax.device_put(jax.random.normal(key, (2048, 2048)), device)
    product = jax.jit(lambda a: jnp.matmul(a, a, precision=jax.lax.Precision.HIGHEST))
    transform = jax.jit(jnp.fft.fft)
    best = 0.0
    for log2_length in (11, 13, 15):
        rows = jax.random.normal(key, (2 ** (22 - log2_length), 2**log2_length))
        rows = jax.device_put(rows.astype(jnp.complex64), device)
        best = max(best, 5 * 2**22 * log2_length / seconds_of(transform, rows))
    return {"product": 2 * 2048**3 / seconds_of(product, matrix), "transform": best}


def limit_seconds(found, rate):
    """Return the seconds that a program's arithmetic takes at the rates of the machine."""
    of_products = found["product_flop"] / rate["product"]
    return of_products + found["transform_flop"] / rate["transform"]
