"""Keras' losses by all the names that it has for them, known without importing Keras.

`tests/definition/test_loss_names.py` holds them against the installed Keras.
"""

from __future__ import annotations

from collections.abc import Mapping

from clr_sweep.common.nearest import hint
from clr_sweep.definition.problems import shown

_FUNCTIONS = (
    "sparse_categorical_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_hinge", "binary_crossentropy", "binary_focal_crossentropy", "mean_squared_error",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
    "huber", "log_cosh", "cosine_similarity", "kl_divergence", "poisson", "hinge", "squared_hinge",
    "dice", "tversky", "circle", "ctc",
)  # fmt: skip
_CLASS_NAMES = {"kl_divergence": "KLDivergence", "ctc": "CTC"}
_SHORT = {
    "bce": "binary_crossentropy",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
}

FUNCTION_OF: Mapping[str, str] = {
    **{name: name for name in _FUNCTIONS},
    **{
        _CLASS_NAMES.get(name, "".join(part.capitalize() for part in name.split("_"))): name
        for name in _FUNCTIONS
    },
    **_SHORT,
    **{short.upper(): name for short, name in _SHORT.items()},
}
"""The function that computes a loss, by its own name, its class's, and abbreviations."""


def loss_problem(written: str) -> str | None:
    """What is wrong with `training.loss` as it is written, if anything."""
    if written in FUNCTION_OF:
        return None
    text = (
        "must be the name of a Keras loss, such as sparse_categorical_crossentropy or "
        f"mean_squared_error, got {shown(written)}"
    )
    if ":" in written:
        return f"{text}: a loss of your own is computed by the model, in its compute_loss"
    return text + hint(written, FUNCTION_OF)
