"""What a comparison would find that is known: `python -m benchmarks.comparisons`.

Draws trials, searches and seeds by chance, with true qualities that are known, and asks the
statistics of the product about them. Units are points of accuracy: seeds scatter by .45 around a
configuration's quality, the qualities of a search's trials by .6 around their mean; both normal.
Prints the tables of docs/comparison.md, in some twenty seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clr_sweep.results.statistics import PairedTest, paired

Array = npt.NDArray[np.float64]
Arms = Iterator[tuple[Array, Array]]

SEED_SD, QUALITY_SD, TRIALS = 0.45, 0.6, 50
FINALISTS, FINALIST_SEEDS = 3, 3
MARGIN, ALPHA, SEARCHES = 0.5, 0.05, 5
SEEDS = (5, 10, 20)
# As few as two arms can be held against one another with some sense.
FIRST_LOOK = 3
SEARCH_DRAWS, TEST_DRAWS = 20_000, 4_000


@dataclass(frozen=True)
class Found:
    """The winners of searches, each array of shape (searches,).

    Attributes:
        quality: what the winner is truly worth.
        overrated: by how much the value that chose it is above that.
        behind: by how much the truly best trial of the search is above it.
    """

    quality: Array
    overrated: Array
    behind: Array


def search(rng: np.random.Generator, searches: int, finalists: int = FINALISTS) -> Found:
    """Searches of `TRIALS` trials, each trained once.

    Args:
        finalists: the best so many are trained again with `FINALIST_SEEDS` fresh seeds, and the
            best mean of these wins; with 1 the best single run does.
    """
    quality = rng.normal(0, QUALITY_SD, (searches, TRIALS))
    seen = quality + rng.normal(0, SEED_SD, quality.shape)
    if finalists == 1:
        value, known = seen, quality
    else:
        best = np.argsort(-seen, axis=1)[:, :finalists]
        known = np.take_along_axis(quality, best, axis=1)
        value = known + rng.normal(0, SEED_SD / np.sqrt(FINALIST_SEEDS), known.shape)
    won = value.argmax(axis=1)[:, None]
    mine, its = (np.take_along_axis(each, won, axis=1)[:, 0] for each in (known, value))
    return Found(mine, its - mine, quality.max(axis=1) - mine)


def two_arms(rng: np.random.Generator, seeds: int, draws: int, apart: float, alike: float) -> Arms:
    """Two arms over seeds, again and again.

    Args:
        apart: by how much the first is truly better.
        alike: the correlation that pairing brings about.
    """
    covariance = SEED_SD**2 * np.array([[1, alike], [alike, 1]])
    for values in rng.multivariate_normal([apart, 0], covariance, (draws, seeds)):
        yield values[:, 0], values[:, 1]


def winners(rng: np.random.Generator, seeds: int, draws: int) -> Arms:
    """The finals of two searches of one and the same class."""
    ours, theirs = search(rng, draws).quality, search(rng, draws).quality
    noise = rng.normal(0, SEED_SD, (2, draws, seeds))
    yield from zip(ours[:, None] + noise[0], theirs[:, None] + noise[1], strict=True)


def classes(rng: np.random.Generator, seeds: int, draws: int) -> Arms:
    """The means of the finals of `SEARCHES` searches of one and the same class, twice."""
    quality = search(rng, 2 * draws * SEARCHES).quality.reshape(2, draws, SEARCHES)
    means = quality + rng.normal(0, SEED_SD / np.sqrt(seeds), quality.shape)
    yield from zip(*means, strict=True)


def share(arms: Arms, holds: Callable[[PairedTest], bool]) -> float:
    """Of how many of these pairs of arms something holds."""
    return float(np.mean([holds(paired(*pair, margin=MARGIN)) for pair in arms]))


def differs(test: PairedTest) -> bool:
    return test.p is not None and test.p < ALPHA


def differs_unpaired(test: PairedTest) -> bool:
    return test.welch_p is not None and test.welch_p < ALPHA


def is_equivalent(test: PairedTest) -> bool:
    return test.p_equivalent is not None and test.p_equivalent < ALPHA


def added_seeds(rng: np.random.Generator, draws: int) -> list[float]:
    """How often two equal arms differ for whoever adds seeds until they do, up to each of SEEDS."""
    looks = np.arange(FIRST_LOOK, max(SEEDS) + 1)
    found = np.array(
        [
            [differs(paired(a[:look], b[:look])) for look in looks]
            for a, b in two_arms(rng, max(SEEDS), draws, 0.0, 0.0)
        ]
    )
    return [float(found[:, looks <= most].any(axis=1).mean()) for most in SEEDS]


def rows(draws: int) -> Iterator[tuple[str, list[float]]]:
    """What is asked, and in which part of the draws the answer is yes, for each of SEEDS."""

    def each(
        arms: Callable[[np.random.Generator, int], Arms], holds: Callable[[PairedTest], bool]
    ) -> list[float]:
        return [share(arms(np.random.default_rng(seeds), seeds), holds) for seeds in SEEDS]

    def apart(points: float, alike: float = 0.0) -> Callable[[np.random.Generator, int], Arms]:
        return lambda rng, seeds: two_arms(rng, seeds, draws, points, alike)

    yield "equal arms: a difference is found", each(apart(0), differs)
    yield (
        f"the same, but looked at from {FIRST_LOOK} seeds on, and one added until p < .05",
        added_seeds(np.random.default_rng(0), draws),
    )
    yield "one point apart: found by the paired test", each(apart(1), differs)
    yield "one point apart: by Welch's test", each(apart(1), differs_unpaired)
    yield "one point apart, correlation .3: by the paired test", each(apart(1, 0.3), differs)
    yield "one point apart, correlation .3: by Welch's test", each(apart(1, 0.3), differs_unpaired)
    yield "equal arms: equivalent within half a point", each(apart(0), is_equivalent)
    yield "half a point apart: equivalent within half a point", each(apart(MARGIN), is_equivalent)
    yield (
        "winners of two equal classes, a search each: a difference is found",
        each(lambda rng, seeds: winners(rng, seeds, draws), differs),
    )
    yield (
        f"the same, {SEARCHES} searches of each class, the search as the unit",
        each(lambda rng, seeds: classes(rng, seeds, draws), differs),
    )


def winner_table(draws: int = SEARCH_DRAWS) -> Iterator[str]:
    """The lines of the table of winners, in points."""
    yield f"| the winner of {TRIALS} trials | overrated by | behind the truly best by |"
    yield "|---|---:|---:|"
    chosen = {
        "the best of single runs": 1,
        f"of the best {FINALISTS}, by the mean of {FINALIST_SEEDS} fresh seeds": FINALISTS,
    }
    for name, finalists in chosen.items():
        found = search(np.random.default_rng(finalists), draws, finalists)
        yield f"| {name} | {found.overrated.mean():.2f} | {found.behind.mean():.2f} |"


def answer_table(draws: int = TEST_DRAWS) -> Iterator[str]:
    """The lines of the table of answers."""
    yield "| | " + " | ".join(f"{seeds} seeds" for seeds in SEEDS) + " |"
    yield "|---|" + "---:|" * len(SEEDS)
    for name, found in rows(draws):
        yield f"| {name} | {' | '.join(f'{part:.1%}' for part in found)} |"


if __name__ == "__main__":
    print("\n".join([*winner_table(), "", *answer_table()]))
