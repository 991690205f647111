"""What is said of a hyperparameter that there is not: the one that was meant, and all there are."""

from __future__ import annotations

from collections.abc import Sequence

from clr_sweep.common.nearest import hint, nearest
from clr_sweep.definition.optimizers import of_other_optimizers
from clr_sweep.definition.own_names import OWN
from clr_sweep.definition.problems import shown
from clr_sweep.definition.search_space import SCHEDULE_KEYS


def unknown_hyperparameter(
    key: str,
    optimizers: Sequence[str],
    arguments: Sequence[str],
    model_arguments: tuple[str, ...] | None,
) -> str:
    """The message for it.

    Args:
        optimizers: those that a trial may have.
        arguments: of these.
        model_arguments: of the model's function, where they are known without importing it.
    """
    of_model = [f"model.{name}" for name in model_arguments or ()]
    of_every = [*SCHEDULE_KEYS, "batch_size", "optimizer"]
    names = [*of_every, *of_model, *arguments]
    start = f"unknown hyperparameter {shown(key)}"
    last = key.rpartition(".")[2]  # below the name of a section: training.optimizer.momentum
    if f"model.{last}" in of_model:
        return f"{start} - did you mean 'model.{last}'?"
    if last != key and last in names:
        return f"{start} - did you mean {last!r}?"
    # What others have comes before what is merely near: of adam's `ema_momentum` is no `momentum`.
    others = of_other_optimizers(optimizers[0], last) if len(optimizers) == 1 else ""
    listed = ", ".join([*of_every, *(of_model or ["model.<argument>"]), *arguments])
    text = f"{start}{others or hint(key, names)} (known: {listed})"
    if any(OWN.fullmatch(one) for one in optimizers):
        text += (
            "; an argument of an optimizer of your own that is searched needs a value in "
            "training.optimizer.arguments too, which the baseline has"
        )
    if model_arguments is None and nearest(key, names) is None and key.isidentifier():
        text += f"; if the model's function takes it, it is written 'model.{key}'"
    return text
