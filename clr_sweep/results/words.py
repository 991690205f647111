"""Numbers, schedules and states in words, the same in every figure and report."""

from __future__ import annotations

import itertools
import math
import re
import textwrap

from clr_sweep.common.counts import plural
from clr_sweep.definition import metrics
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.search_space import RATIO, SCHEDULE_KEYS
from clr_sweep.definition.trial_config import ScheduleConfig
from clr_sweep.results import curves
from clr_sweep.schedules import policies
from clr_sweep.schedules.cycles import troughs, whole_cycles
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import ENDED, State


def metric(of: ReportedMetric) -> str:
    """The name of a metric as readers know it: `validation mean absolute error`."""
    return f"{metrics.measured_on(of.name)} {quantity(of)}"


def quantity(of: ReportedMetric) -> str:
    """What a metric measures, without where: `mean absolute error`; one's own as it is named.

    Of several outputs with the output's name: `accuracy of sex`.
    """
    measured = of.known.words if of.known else metrics.name_of(of.metric)
    return measured if of.output is None else f"{measured} of {of.output}"


def in_lines(text: str, width: int = 14) -> str:
    """A label beside an axis, in lines that fit its height; a rate's name stays on one."""
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def capital(text: str) -> str:
    """The text with its first letter raised and the others left as they are."""
    return text[:1].upper() + text[1:]


def rate(value: float) -> str:
    """A learning rate with three significant digits: 0.0012, 0.31, 2.5e-5."""
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def value(number: float, digits: int = 4) -> str:
    """A metric's value with four decimals, or as many as are asked for.

    Large ones have fewer, one at least; huge and small ones have so many significant digits.
    """
    size = round(abs(number), 12)  # 0.9 - 0.8 is less than 0.1
    if number == 0 or 0.1 <= size < 1e7:
        decimals = digits - (int(math.log10(size)) if size >= 100 else 0)
        return f"{number:.{max(decimals, 1)}f}"
    mantissa, _, exponent = f"{number:.{digits}g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def pair(one: float, other: float) -> tuple[str, str]:
    """Two values to compare: with as many digits as tell them apart, if they differ."""
    for digits in range(4, 17):
        texts = value(one, digits), value(other, digits)
        if one == other or texts[0] != texts[1]:
            return texts
    return repr(one), repr(other)


def points(difference: float) -> str:
    """A difference of accuracies in points (hundredths), with its sign; never 0 if it is not."""
    text = f"{round(100 * difference, 2) + 0.0:+.2f}"
    return f"{100 * difference:+.2g}" if difference and not float(text) else text


def gain(of: ReportedMetric, better_by: float) -> str:
    """By how much one value of a metric is better than another, in the metric's own unit."""
    if not better_by:
        return "the same"
    if of.is_share:
        return f"{points(better_by)} points"
    return f"{value(abs(better_by))} {'better' if better_by > 0 else 'worse'}"


def difference(of: ReportedMetric, size: float) -> str:
    """How large a difference of two values of a metric is, in the metric's own unit."""
    unit = " points" if of.is_share else ""
    return f"{bare(of, size)}{unit}"


def signed(of: ReportedMetric, better_by: float) -> str:
    """A difference with its sign: + where the first is better, in the metric's own unit."""
    sign = "+" if better_by > 0 else "-" if better_by < 0 else ""
    return f"{sign}{difference(of, abs(better_by))}"


def bare(of: ReportedMetric, number: float) -> str:
    """A difference of two values of a metric without its unit: points of a share."""
    if not of.is_share:
        return value(number, 3)
    text = f"{100 * number:.2f}"
    return f"{100 * number:.2g}" if number and not float(text) else text


def change(of: ReportedMetric, difference: float) -> str:
    """A difference of two values of a metric with its sign, in the metric's own unit."""
    if not difference:
        return "equal"
    if of.is_share:
        return f"{points(difference)} points"
    return f"{'+' if difference > 0 else '-'}{value(abs(difference))}"


def count(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}"


def p_value(p: float | None) -> str:
    """A p value with two digits, more where two would make .05 of another one; none is -."""
    if p is None:
        return "-"
    if p < 0.001:
        return "below 0.001"
    texts = (f"{p:.{digits}g}" for digits in range(2, 18))
    return next(text for text in texts if float(text) != 0.05 or p == 0.05)


def epochs(number: float) -> str:
    """Epochs to one decimal where they are not whole: 16, 13.2."""
    return f"{round(number, 1) + 0.0:.10g}"


def of_epochs(number: str) -> str:
    """A number of epochs with its noun."""
    return f"{number} {'epoch' if number == '1' else 'epochs'}"


def shorten(text: str, limit: int) -> str:
    """The text on one line, cut with an ellipsis where it is longer than `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def reason(text: str) -> str:
    """Why something ended, on one line: of a traceback the exception's own words."""
    before, header, frames = text.rpartition("Traceback (most recent call last):\n")
    if header:  # the frames are indented
        own = itertools.dropwhile(lambda line: line.startswith(" "), frames.split("\n"))
        text = f"{before.partition(header)[0]} {' '.join(own)}"
    return shorten(text, 300)


def bounds(record: TrialRecord) -> str:
    """Policy and rates: `triangular2, 0.0012 to 0.31`, `cosine from 0.1`, or `constant 0.01`."""
    return bounds_of(record.config.schedule)


def bounds_of(schedule: ScheduleConfig) -> str:
    """`bounds` of a schedule by itself."""
    if schedule.policy == policies.CONSTANT:
        return f"constant {rate(schedule.init_lr)}"
    if not schedule.is_cyclical:
        link = "up to" if schedule.policy == "one_cycle" else "from"
        return f"{schedule.policy} {link} {rate(schedule.max_lr)}"
    words = f"{schedule.policy}, {rate(schedule.init_lr)} to {rate(schedule.max_lr)}"
    decays = schedule.policy in policies.DECAYING
    return words + (f", gamma {schedule.gamma:.7g}" if decays else "")


def further(record: TrialRecord) -> dict[str, object]:
    """The sampled hyperparameters beyond the schedule's, by their names in the search space."""
    # The ratio is how init_lr was sampled; the rates that follow from it are shown.
    own = (*SCHEDULE_KEYS, RATIO)
    return {name: value for name, value in record.params.items() if name not in own}


def cycles(record: TrialRecord) -> str:
    """The planned cycles: `half cycle 4 epochs = 3,376 steps, 2 whole cycles in 16 epochs, ...`."""
    config = record.config
    planned = of_epochs(epochs(curves.planned_epochs(record)))
    if not config.schedule.is_cyclical:
        return f"{plural(config.steps, 'step')} in {planned}"
    whole = whole_cycles(config.steps, config.schedule.step_size)
    return (
        f"half cycle {of_epochs(f'{config.schedule.step_size_factor:.4g}')} = "
        f"{plural(config.schedule.step_size, 'step')}, "
        f"{plural(whole, 'whole cycle')} in {planned}, {_end(record)}"
    )


def schedule(record: TrialRecord) -> str:
    """The whole schedule in one phrase: policy, rates, cycles and how it ends."""
    return f"{bounds(record)}, {cycles(record)}"


def _end(record: TrialRecord) -> str:
    config = record.config
    size = config.schedule.step_size
    if config.steps in troughs(config.steps, size):
        return "ends at a trough"
    if config.steps % (2 * size) == size:
        return "ends at a peak"
    last = float(config.schedule.learning_rate(config.steps - 1))
    slope = "rise" if config.steps % (2 * size) < size else "fall"
    return f"ends in mid-cycle, on the {slope}, at rate {rate(last)}"


def divergence(record: TrialRecord) -> str:
    """Where the loss stopped being a number, or an empty text."""
    found = record.divergence
    if found is None:
        return ""
    words = (
        f"diverged at step {count(found.step)} (epoch {found.epoch}) at rate "
        f"{rate(found.learning_rate)}"
    )
    if not record.config.schedule.is_cyclical:
        return words
    return words + f", {math.floor(100 * found.phase)}% through its cycle"


def short_state(record: TrialRecord) -> str:
    """How a trial stands, without the reason: `pruned after 6 epochs`."""
    if record.divergence is not None:
        return f"diverged at step {count(record.divergence.step)}"
    done = of_epochs(epochs(curves.epochs_done(record)))
    return record.state + (f" after {done}" if record.reports else "")


def state(record: TrialRecord) -> str:
    """How a trial stands, with what is known of why."""
    if record.state == "diverged" and record.divergence is not None:
        return divergence(record)
    return short_state(record) + (f": {reason(record.reason)}" if record.reason else "")


def given(study: StudyRecord) -> str:
    """Which trials were given by whom, not sampled, wholly or in part; empty where none was."""
    by: dict[str, list[str]] = {}
    for trial in study.trials:
        if trial.given:  # `by study.start_with, 1 of 2: max_lr`
            source = re.sub(r", \d+ of \d+$", "", trial.given.rpartition(": ")[0])
            by.setdefault(source, []).append(str(trial.number))
    return " ".join(_given(numbers, source) for source, numbers in by.items())


def _given(numbers: list[str], source: str) -> str:
    if len(numbers) == 1:
        return f"Trial {numbers[0]} was given {source}, not sampled."
    return f"Trials {', '.join(numbers[:-1])} and {numbers[-1]} were given {source}, not sampled."


def counts(study: StudyRecord, planned: int | None = None) -> str:
    """The trials by state: `12 of 50 trials: 9 complete, 2 pruned, 1 diverged`.

    Args:
        planned: how many trials the study is to have in all; None if not known.
    """
    ended = study.ended
    total = max(planned or 0, ended)
    head = f"{ended} of {plural(total, 'trial')}" if ended < total else plural(ended, "trial")
    still_open: tuple[State, ...] = ("interrupted", "running")
    shown = [name for name in (*ENDED, *still_open) if name in ENDED or study.count(name)]
    return f"{head}: {', '.join(f'{study.count(name)} {name}' for name in shown)}"
