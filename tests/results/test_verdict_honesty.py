"""How often a verdict is wrong, through all of it: from stored trainings to the sentence.

Of many comparisons whose truth is known, those are counted that declare what is not so, and those
that find what is. The values are drawn, with fixed seeds, from a normal distribution in which the
arms share a part (the seed), and from real trainings of one configuration over many seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from compared_arms import compared, study_of
from scipy import stats

from benchmarks import seeds
from clr_sweep.results.statistics import PairedTest
from clr_sweep.results.verdict import verdict

pytestmark = pytest.mark.heavy

COMPARISONS, SEEDS, MARGIN = 2000, 10, 0.005
RIVALS = ("constant", "linear", "cosine", "one_cycle")
# Of the spread of a seed, .45 points, a third is one that the arms share.
SD, SHARED = 0.0045, 1 / 3
SD_OF_DIFFERENCES = SD * (2 * (1 - SHARED)) ** 0.5
# Where a count has probability .05 at each of 2,000 draws, it is above this share once in a
# thousand times.
AT_MOST = float(stats.binom.ppf(0.999, COMPARISONS, 0.05)) / COMPARISONS

Source = Callable[[np.random.Generator, int], np.ndarray]


@pytest.fixture(autouse=True)
def flips_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sign-flip test decides no answer, and takes four fifths of the time."""
    monkeypatch.setattr(PairedTest, "p_flip", None)


def normal(rng: np.random.Generator, arms: int) -> np.ndarray:
    """Accuracies, shape (arms, seeds), of arms without a true difference."""
    shared = rng.normal(0, SD * SHARED**0.5, SEEDS)
    return np.asarray(0.88 + shared + rng.normal(0, SD * (1 - SHARED) ** 0.5, (arms, SEEDS)))


def _recorded(arm: str) -> Source:
    found = np.array(seeds.read()[arm]["test_accuracy"], dtype=float)

    def drawn(rng: np.random.Generator, arms: int) -> np.ndarray:
        return rng.choice(found, (arms, SEEDS), replace=False)

    return drawn


SOURCES: dict[str, Source] = {
    "normal": normal,
    "recorded constant": _recorded(seeds.CONSTANT),
    "recorded triangular2": _recorded(seeds.CLR),
}


def answers(values: np.ndarray, *, margin: float | None, loss: bool = False) -> list[str]:
    """What the sentences say of CLR (the first row) against each rival."""
    if loss:
        values, objective = -values, {"metric": "val_loss", "direction": "minimize"}
    else:
        objective = {"metric": "val_accuracy", "direction": "maximize"}
    finals = dict(zip(("CLR", *RIVALS), values.tolist(), strict=False))
    found = verdict(study_of(compared(finals, margin=margin, **objective)))
    assert found is not None
    return [_answer(sentence) for sentence in found.answers]


def _answer(sentence: str) -> str:
    marks = {
        " beats ": "better", " loses to ": "worse", " are equivalent within ": "equivalent",
        " is not decidable with ": "not decidable",
    }  # fmt: skip
    [found] = [answer for mark, answer in marks.items() if mark in sentence]
    return found


def counted(source: Source, rivals: int, shift: float = 0, **how: object) -> Counter[str]:
    """In how many comparisons an answer was given to any rival; CLR is better by `shift`."""
    rng, found = np.random.default_rng(14), Counter[str]()
    for _ in range(COMPARISONS):
        values = source(rng, 1 + rivals)
        values[0] += shift
        found.update(set(answers(values, **how)))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("rivals", [1, 4])
@pytest.mark.parametrize("source", SOURCES)
def test_false_alarms(source: str, rivals: int) -> None:
    """Without a true difference, one is declared in a twentieth: against any of the rivals."""
    found = counted(SOURCES[source], rivals, margin=None)
    declared = found["better"] + found["worse"]
    assert 0 < declared <= AT_MOST * COMPARISONS, found
    assert set(found) == {"better", "worse", "not decidable"}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("source", SOURCES)
def test_equivalence_at_the_edge(source: str, sign: int) -> None:
    """A true difference of the margin is declared to be none of importance in a twentieth."""
    # As wide, beside the spread of that source, as half a point is beside the normal one.
    spread = SOURCES[source](np.random.default_rng(0), 4).std()
    margin = MARGIN if source == "normal" else MARGIN / SD * spread
    found = counted(SOURCES[source], 1, shift=sign * margin, margin=margin)
    assert found["equivalent"] > 0
    assert found["equivalent"] <= AT_MOST * COMPARISONS, found
    assert found["better" if sign > 0 else "worse"] > found["worse" if sign > 0 else "better"]


def test_equivalence_at_the_edge_of_four() -> None:
    """All four rivals differ by the margin: one of them is called equivalent in a twentieth."""
    found = counted(normal, 4, shift=MARGIN, margin=MARGIN)
    assert found["equivalent"] <= AT_MOST * COMPARISONS, found


@pytest.mark.parametrize("loss", [False, True])
@pytest.mark.parametrize("points", [0.3, 0.5, 0.8])
def test_power(points: float, loss: bool) -> None:
    """A planted difference is found as often as noncentral t has it, in its own direction."""
    found = counted(normal, 1, shift=points / 100, margin=None, loss=loss)
    share = found["better"] / COMPARISONS
    assert share == pytest.approx(power(points / 100), abs=0.03)
    assert found["worse"] <= 0.01 * COMPARISONS


def power(difference: float) -> float:
    """Of a paired t test that finds this difference in its own direction."""
    df = SEEDS - 1
    critical = stats.t.ppf(0.975, df)
    return float(stats.nct.sf(critical, df, difference / (SD_OF_DIFFERENCES / SEEDS**0.5)))


def test_power_of_equivalence() -> None:
    """Arms without a difference are called equivalent as often as theory has it."""
    found = counted(normal, 1, margin=MARGIN)
    share = found["equivalent"] / COMPARISONS
    # Both one-sided tests reject where |mean| < margin - t error: integrated over the spread.
    rng = np.random.default_rng(0)
    error = SD_OF_DIFFERENCES / SEEDS**0.5
    means = rng.normal(0, error, 200_000)
    errors = error * np.sqrt(rng.chisquare(SEEDS - 1, 200_000) / (SEEDS - 1))
    wanted = np.mean(np.abs(means) < MARGIN - stats.t.ppf(0.95, SEEDS - 1) * errors)
    assert share == pytest.approx(float(wanted), abs=0.03)
