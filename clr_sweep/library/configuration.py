"""A configuration that was found, as Keras objects for a training of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from clr_sweep.common.errors import InputError
from clr_sweep.definition.problems import shown
from clr_sweep.definition.trial_config import TrialConfig

if TYPE_CHECKING:
    import keras


class Configuration:
    """A training with nothing left open: schedule, optimizer and model, made anew at each call.

    Args:
        config: all that decided the training.
        search_path: folders in which the modules and data that it names are looked for.
        has_own_optimizer: whether `training.function` made the optimizer itself.
    """

    def __init__(
        self, config: TrialConfig, search_path: tuple[Path, ...], *, has_own_optimizer: bool = False
    ) -> None:
        self.config = config
        self._has_own_optimizer = has_own_optimizer
        self._search_path = search_path

    def epochs(self, steps_per_epoch: int) -> int:
        """The epochs to give to `fit`: to the end of the last whole cycle within the budget.

        Args:
            steps_per_epoch: as for `schedule`.

        Raises:
            InputError: it is no number that there can be.
        """
        _check(steps_per_epoch=steps_per_epoch)
        return self.config.plan_for(steps_per_epoch).epochs

    def schedule(self, steps_per_epoch: int, epochs: int | None = None) -> Any:
        """The learning rate, as Keras takes it.

        It is the found curve over epochs, in steps of the training that it is for: with as many
        steps per epoch as the trial had it is the trial's own, to the bit.

        Args:
            steps_per_epoch: optimizer steps of an epoch: `math.ceil(examples / batch_size)`.
            epochs: over which a policy without cycles falls; None: as many as in the trial. It
                changes nothing where there are cycles, which are as long as they were found, or
                where the rate is constant.

        Returns:
            A `keras.optimizers.schedules.LearningRateSchedule`; a float for a constant rate.

        Raises:
            InputError: a number is none that there can be.
        """
        _check(steps_per_epoch=steps_per_epoch, **({} if epochs is None else {"epochs": epochs}))
        from clr_sweep.training.compiling import schedule

        return schedule(self.config.schedule_for(steps_per_epoch, epochs))

    def optimizer(
        self, steps_per_epoch: int, epochs: int | None = None
    ) -> keras.optimizers.Optimizer:
        """The optimizer with this schedule and all its other arguments.

        Args:
            steps_per_epoch, epochs: as for `schedule`.

        Raises:
            InputError: a number is none that there can be, or the momentum was cycled, which no
                Keras optimizer does by itself; or a function of the user's own trained it, with
                its own optimizer.
        """
        rate = self.schedule(steps_per_epoch, epochs)
        if self._has_own_optimizer:
            raise InputError(
                f"training.function: {self.config.training.function} trained this without "
                "trial.optimizer(), with an optimizer that it makes itself: make it as the "
                "function does, with .schedule(steps_per_epoch)"
            )
        if (bounds := self.config.cycled_momentum) is not None:
            raise InputError(
                f"training.cycle_momentum: the momentum rose and fell between {bounds.low} and "
                f"{bounds.high}, which a Keras optimizer does not do under `fit`: train with "
                "`clr-sweep train`, or give .schedule(steps_per_epoch) to an optimizer whose "
                "momentum you choose"
            )
        from clr_sweep.training.compiled_optimizer import compiled_optimizer

        return compiled_optimizer(self.config.training, rate, self._search_path)

    def model(
        self,
        input_shape: tuple[int, ...] | dict[str, tuple[int, ...]] | None = None,
        classes: int | dict[str, int] | None = None,
    ) -> keras.Model:
        """The model, built anew and not compiled, in the precision that it was trained in.

        Args:
            input_shape, classes: what the data gives to the model's function; of several inputs or
                outputs by their names. The data set is loaded to know what is left out here, if
                the function takes it.

        Raises:
            InputError: the module or the data are not there, or the function takes other
                arguments; or a function of the user's own trained it, with its own model.
            TrialFailedError: the function raised an exception.
        """
        if (trained_by := self.config.training.function) is not None:
            arguments = shown(dict(self.config.model.arguments))
            raise InputError(
                f"training.function: {trained_by} trained this, with a model that it makes itself: "
                f"make it as the function does, with its .config.model.arguments, {arguments}"
            )
        import inspect

        from clr_sweep.definition.own_functions import import_function
        from clr_sweep.training.compiling import built_under, data_facts
        from clr_sweep.training.data.datasets import load_dataset
        from clr_sweep.training.models import FACTS, MODELS, build_model

        config = self.config
        given = {"input_shape": input_shape, "classes": classes}
        facts: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        name = config.model.name
        function = MODELS.get(name) or import_function(name, self._search_path)[0]
        taken = {*FACTS} & inspect.signature(function).parameters.keys()
        if taken - facts.keys() - config.model.arguments.keys():
            asked = config.dataset
            data = load_dataset(asked.name, asked.options, self._search_path)
            facts = data_facts(data) | facts
        with built_under(config.training.precision):
            return build_model(config.model, facts, self._search_path)


def _check(**numbers: int) -> None:
    """Refuse numbers, by the names of the arguments that they were given as, that count nothing."""
    if wrong := [
        f"{name}: must be a whole number above 0, got {value!r}"
        for name, value in numbers.items()
        if isinstance(value, bool) or not isinstance(value, int) or value < 1
    ]:
        raise InputError(wrong)
