"""The range test of a model and data in hand, in this process, on whatever backend Keras has.

The steps are those of `train_on_batch`, with the ramp, the evaluations and the rules of a sweep's
range test; the model is put back to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from clr_sweep.common.errors import InputError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.metrics import sign_of
from clr_sweep.definition.own_functions import users_code
from clr_sweep.definition.problems import sentence
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.validation import validation
from clr_sweep.lr_range_test.asked_in_hand import BOTH_WEIGHTS, Asked, call_problems
from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.data_in_hand import (
    Batch,
    DataInHand,
    data_in_hand,
    gives_batches,
    value_problems,
)
from clr_sweep.lr_range_test.fit_in_hand import fit_problems
from clr_sweep.lr_range_test.model_state import as_it_was, rising_rate
from clr_sweep.lr_range_test.ramped import Ramped, planned_steps
from clr_sweep.lr_range_test.scale import scale_problems
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.lr_range_test.suggestion import Suggestion
from clr_sweep.training.loss_scaling import inner
from clr_sweep.training.model_ends import reported
from clr_sweep.training.reports import State
from clr_sweep.training.requests import EVALUATED, EVALUATIONS

# With fewer steps a decade an edge is placed late; see `suggestion`.
_STEPS_A_DECADE = 100
# So many times the batch is evaluated at once: no gradients are kept.
_TIMES = 4


@dataclass(frozen=True)
class ModelRangeTest:
    """A range test of a model in hand, with the fields that its figure and its summary show.

    Attributes:
        name: the model's.
        judged_by: the metric of the examples; with `val_` where they were held out.
        test: how it was done.
        found: a curve for each seed.
        suggestion: None until the curves have been read.
    """

    name: str
    judged_by: ReportedMetric
    test: RangeTestConfig
    found: tuple[Curve, ...]
    suggestion: Suggestion | None = None

    @property
    def state(self) -> State:
        """It ends by an error, or whole."""
        return "running" if self.suggestion is None else "complete"

    @property
    def metric(self) -> str:
        """The name of the metric."""
        return self.judged_by.name

    @property
    def sign(self) -> int:
        """+1 if a larger value of the metric is better, else -1."""
        return sign_of(self.judged_by.direction)

    @property
    def on_test_set(self) -> bool:
        """Nothing is known of where the data in hand are from."""
        return False

    def curves(self) -> tuple[Curve, ...]:
        """A curve for each seed."""
        return self.found


def tested(
    model: keras.Model, asked: Asked, stop: StopRequest, say: Callable[[str], None]
) -> ModelRangeTest:
    """Train from the lowest to the highest rate, once a seed, and put the model back.

    Raises:
        InputError: something that was given cannot be used; or the model does not measure the
            metric, or its steps tell no loss.
        TrialFailedError: the model, or a loader, raised an exception, which is its cause.
        InterruptedSweepError: after Ctrl-C or SIGTERM.
    """
    if problems := list(call_problems(model, asked)):
        raise InputError(problems)
    test, wrong = validation(RangeTestConfig, {"seeds": 1, **asked.settings})
    if test is None:
        raise InputError([sentence(keys, text) for keys, text in wrong])
    given, size, needs_labels = asked.validation_data, asked.batch_size, model.loss is not None
    data = data_in_hand(asked.x, asked.y, asked.sample_weight, size, needs_labels, given is None)
    test = _long_enough(test, data.steps, "epochs" in asked.settings)
    held_out = data.held_out(EVALUATED) if given is None else _validation(model, asked)
    known = _checked(model, data)
    if asked.class_weight is not None and known[2] is not None:
        raise InputError(f"class_weight: {BOTH_WEIGHTS}; x gives a weight for each example")
    judged, prefix = (known, "") if held_out is None else (held_out, "val_")
    steps = planned_steps(test, data.steps)
    say(
        f"range test of {model.name}: {test.seeds} x {steps} steps at rates from {test.low:g} to "
        f"{test.high:g}"
    )
    recording = _Recording(model, asked, data, judged, prefix, stop)
    with (
        as_it_was(model, recording.evaluate) as put_back,
        rising_rate(model.optimizer, test, steps) as recording.rate,
    ):
        metric, curves = recording.metric(), []
        scale = scale_problems(model, *known[:2])
        for seed in range(asked.seed, asked.seed + test.seeds):
            put_back()
            recording.seed = seed
            ramped = Ramped(seed, test, data.steps, recording.train, recording.evaluate)
            curves.append(replace(ramped.curve(), scale=scale))
            recording.check_optimizer()
    if stop:  # in the last step
        raise stop.error()
    return ModelRangeTest(model.name, metric, test, tuple(curves))


class _Recording:
    """Steps and evaluations of a model in hand.

    Attributes:
        seed: of the order of the data.
        rate: settles the rate of the next step, see `rising_rate`.
    """

    rate: Callable[[int], float]

    def __init__(
        self,
        model: keras.Model,
        asked: Asked,
        data: DataInHand,
        judged: Batch,
        prefix: str,
        stop: StopRequest,
    ) -> None:
        self._model, self._asked, self._data, self._stop = model, asked, data, stop
        self._judged, self._prefix = judged, prefix
        self._batches: Iterator[Batch] = iter(())
        self._taken = self._optimizer_steps()  # to which each seed is put back
        self._measured: tuple[str, ...] = ()
        self.seed = asked.seed

    def train(self, epoch: int, first: int, last: int) -> tuple[Any, Any]:
        """As `ramped.Train` says."""
        if first == 0:
            self._batches = self._data.batches(self.seed, epoch)
        before, rates, losses = (epoch - 1) * self._data.steps, [], []
        for step in range(first, last):
            if self._stop:
                raise self._stop.error()
            batch = next(self._batches, None)
            if batch is None:
                raise InputError(
                    f"x: gave {step} batches in epoch {epoch}, and {self._data.steps} are its "
                    "length: it has to give as many in each"
                )
            # Nobody has looked through a loader. The loss need not show it: fused kernels of some
            # processors take relu(NaN) for 0.
            if not self._data.all_known and (wrong := value_problems(batch)):
                place = f"x: in the batch of step {step + 1} of epoch {epoch}"
                raise InputError([f"{place}, {text}" for text in wrong])
            rates.append(self.rate(before + step))
            losses.append(self._step(*batch))
            if not math.isfinite(losses[-1]):
                break
        return np.array(rates), np.array(losses)

    def evaluate(self) -> dict[str, float]:
        """The metrics of the examples that it is judged by."""
        x, y, weights = self._judged
        with users_code(f"evaluating {self._model.name}"):
            found = self._model.evaluate(
                x, y, sample_weight=weights, batch_size=_TIMES * self._asked.batch_size, verbose=0,
                return_dict=True,
            )  # fmt: skip
        single = {name: float(value) for name, value in found.items() if np.size(value) == 1}
        self._measured = tuple(single)
        return {f"{self._prefix}{name}": value for name, value in single.items()}

    def metric(self) -> ReportedMetric:
        """What the rule looks at, once it has been measured.

        Raises:
            InputError: the model does not measure it, or nobody knows what makes it better.
        """
        asked = self._asked.metric
        measured = {name: reported(self._model, name) for name in self._measured}
        if asked is None:
            # The accuracy of one of several outputs says nothing of the others; the loss does.
            shares = [name for name, one in measured.items() if one.is_share and not one.output]
            name = (shares or ["loss"])[0]
        else:
            name = asked.removeprefix("val_")
        known = [one for one, metric in measured.items() if metric.direction is not None]
        if name not in known:
            why = "nobody knows what makes it better" if name in measured else "it is not measured"
            raise InputError(
                f"metric: must be one of {', '.join(known)}, got {asked or name!r}: {why}"
            )
        return measured[name]._replace(name=self._prefix + name)

    def check_optimizer(self) -> None:
        """Refuse a model that is trained by another optimizer than its own."""
        if self._optimizer_steps() == self._taken:
            raise InputError(
                "model: its optimizer (model.optimizer) has taken no step, so its train_step uses "
                "another one, whose rate cannot be told: give that to compile(optimizer=...)"
            )

    def _step(self, x: Any, y: Any, weights: Any) -> float:
        class_weight = self._asked.class_weight
        with users_code(f"training {self._model.name}"):
            logs = self._model.train_on_batch(
                x, y, sample_weight=weights, class_weight=class_weight, return_dict=True
            )
        if "loss" not in logs:
            found = ", ".join(logs) or "nothing"
            raise InputError(f"model: its train_step must tell the loss of a batch, got {found}")
        return float(logs["loss"])

    def _optimizer_steps(self) -> int:
        return int(keras.ops.convert_to_numpy(inner(self._model.optimizer).iterations))


def _validation(model: keras.Model, asked: Asked) -> Batch:
    given, needs_labels = asked.validation_data, model.loss is not None
    x, y, weights = (*(given if isinstance(given, tuple) else (given,)), None, None)[:3]
    try:
        data = data_in_hand(x, y, weights, asked.batch_size, needs_labels, splits=False)
        known = _checked(model, data)
    except InputError as error:
        raise InputError([f"validation_data: {text}" for text in error.problems]) from None
    return known if gives_batches(x) else data.some(EVALUATED)


def _checked(model: keras.Model, data: DataInHand) -> Batch:
    """What is known of the data, where it goes with the model.

    Raises:
        InputError: it does not; every problem at once.
    """
    known = data.known(EVALUATED)
    if problems := list(fit_problems(model, *known[:2])):
        raise InputError(problems)
    return known


def _long_enough(test: RangeTestConfig, steps_per_epoch: int, is_given: bool) -> RangeTestConfig:
    """The test; where its epochs are not given, over as many as its steps need."""
    if not is_given:
        decades = math.log10(float(test.high) / float(test.low))
        enough = math.ceil(_STEPS_A_DECADE * decades / max(1, steps_per_epoch))
        return test.model_copy(update={"epochs": max(test.epochs, enough)})
    if (steps := planned_steps(test, steps_per_epoch)) < EVALUATIONS:
        raise InputError(
            f"epochs: the rate would rise within {steps} steps, {steps_per_epoch} an epoch, and "
            f"{EVALUATIONS} are needed at least: more epochs, or a smaller batch_size, give more"
        )
    return test
