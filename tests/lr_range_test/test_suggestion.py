"""What follows from all seeds: the pair, its spread, the ranges, and what speaks against them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landscapes import classifier, quadratic, seeds, stuck

from clr_sweep.lr_range_test.curve import Curve, read_curve
from clr_sweep.lr_range_test.rules import RULES
from clr_sweep.lr_range_test.suggestion import RangeTestError, Suggestion, from_json, suggest


def of(curves: object, rule: str = "smith", metric: str = "val_accuracy") -> Suggestion:
    return suggest(curves, rule, metric, +1)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    learns=st.floats(1e-4, 0.02),
    factor=st.floats(5, 30),
    room=st.floats(1.2, 20),
    rule=st.sampled_from(list(RULES)),
    seed=st.integers(0, 10**6),
)
def test_ranges_are_disjoint_and_hold_the_pair(
    learns: float, factor: float, room: float, rule: str, seed: int
) -> None:
    """Whatever the curves and the rule: two log ranges, sharing no more than a bound."""
    stops = learns * factor
    dies = min(room * stops, 8.0)  # within the ramp, since `quarter` reads the edge
    curves = [classifier(learns, stops, dies, seed=seed + i) for i in range(3)]
    found = of(curves, rule)
    (init_low, init_high), (max_low, max_high) = found.init_lr, found.max_lr
    assert 0 < init_low < init_high <= max_low < max_high
    assert max_low <= found.max <= max_high
    assert init_low <= found.base
    assert found.base <= init_high or init_high == max_low
    assert min(top for _, top in found.pairs) <= found.max <= max(top for _, top in found.pairs)
    for value in (*found.init_lr, *found.max_lr):
        assert value == float(f"{value:.2g}")


def test_the_margins() -> None:
    """Two decades below the lowest base, a third of the lowest max, up to the edge."""
    found = of(seeds(3, learns=0.02, stops=0.3, dies=1.0))
    bases, tops = zip(*found.pairs, strict=True)
    assert found.init_lr[0] == pytest.approx(min(bases) / 100, rel=0.1)
    assert found.init_lr[1] == pytest.approx(max(bases), rel=0.1)
    assert found.max_lr[0] == pytest.approx(min(tops) / 3, rel=0.1)
    assert found.max_lr[1] == pytest.approx(1.0, rel=0.2)
    assert found.warnings == ()


def test_the_median_of_the_seeds() -> None:
    """One seed that is far off does not move the pair."""
    curves = [*seeds(2, stops=0.3, dies=1.0), classifier(learns=2e-4, stops=3e-3, dies=1.0)]
    found = of(curves)
    assert found.max == pytest.approx(0.3, rel=0.5)
    assert min(top for _, top in found.pairs) < 0.01
    assert any("the seeds disagree: max_lr from 0.00" in text for text in found.warnings)


def test_it_comes_back_from_json() -> None:
    """As it is stored with a study, to the bit."""
    found = of([*seeds(2), classifier(high=0.5)])
    assert found.edges[2] is None
    assert from_json(json.loads(json.dumps(asdict(found)))) == found


@pytest.mark.parametrize(
    ("settings_", "warning"),
    [
        ({"high": 0.2}, "the loss is still falling at the highest rate (0.2)"),
        ({"high": 0.6, "stops": 0.1}, "neither diverges nor gets worse up to the highest rate"),
        ({"low": 0.02}, "the loss changes at the lowest rate already (0.02)"),
        ({"batch_noise": 1.5}, "falls by less than twice the noise of its batches"),
        ({"steps": 240}, "fewer than 100 steps lie in the decade below the stability edge"),
    ],
)
def test_warnings(settings_: dict[str, float], warning: str) -> None:
    """A range too narrow, or noise too large, is said and not passed over."""
    found = of(seeds(3, **settings_))
    assert any(warning in text for text in found.warnings), found.warnings
    assert len(set(found.warnings)) == len(found.warnings)


def test_batches_that_differ_by_chance_are_no_change_at_the_lowest_rate() -> None:
    """A low first batch, of few steps and much noise: no lower rate would end such a warning."""
    warned = [
        any("changes at the lowest rate" in text for text in of([one]).warnings)
        for one in seeds(20, batch_noise=0.3, steps=1200)
    ]
    assert sum(warned) <= 1
    starts_late = seeds(20, batch_noise=0.3, steps=1200, low=0.02)
    assert all("changes at the lowest rate" in "".join(of([one]).warnings) for one in starts_late)


def test_a_range_that_begins_above_the_edge() -> None:
    """The training diverges at once: no pair, and the error says why and what to do."""
    curves = [quadratic(1.0, low=2.0, high=50.0, noise=0.5, seed=i) for i in range(3)]
    with pytest.raises(RangeTestError, match=r"no bounds by the rule smith: ") as refused:
        suggest(curves, "smith", "val_score", +1)
    assert "Every seed diverges at once: a range_test.low below 4 would" in str(refused.value)


def diverging(scale: tuple[str, ...] = ()) -> list[Curve]:
    """At rates as low as 1e-5, as on columns of a few hundred."""
    curves = [quadratic(2e5, low=1.0, high=1e6, noise=0.0, seed=i) for i in range(3)]
    return [replace(curve, scale=scale) for curve in curves]


@pytest.mark.parametrize(("of_sweep", "key"), [(True, "a range_test.low"), (False, "a low")])
@pytest.mark.parametrize(
    "scale", [("the labels are large",), ("the columns differ", "the labels are large")]
)
def test_a_large_scale_is_the_likely_cause(
    of_sweep: bool, key: str, scale: tuple[str, ...]
) -> None:
    """That of the labels, the examples or both; neither epochs nor bounds by hand would help."""
    with pytest.raises(RangeTestError) as refused:
        suggest(diverging(scale), "smith", "val_score", +1, of_sweep=of_sweep)
    text = str(refused.value)
    cause = (
        f"at rates as low as 1e-05. The likely cause: {'. And: '.join(scale)}. Without that cause"
    )
    assert cause in text
    assert text.endswith(f"Without that cause, {key} below 1e-05 would begin under the edge")
    assert refused.value.warnings[-len(scale) :] == scale
    assert "epochs" not in text
    assert "Give init_lr" not in text


def test_of_curves_whose_scale_is_not_known() -> None:
    """Both may be the cause."""
    with pytest.raises(RangeTestError, match="likely cause: the scale of the examples, or that of"):
        suggest(diverging(), "smith", "val_score", +1)


def test_the_scale_is_told_where_there_are_bounds() -> None:
    """Once, as a warning."""
    told = [replace(curve, scale=("the columns differ",)) for curve in seeds(3)]
    assert of(told).warnings == ("the columns differ",)


def test_one_seed_that_learns_shows_that_the_scale_is_not_the_cause() -> None:
    """Where the others diverge at once: the settings of the test are what can be changed."""
    at_once = quadratic(1.0, low=2.0, high=50.0, noise=0.0)
    at_once = replace(at_once, metrics={"val_accuracy": at_once.metrics["val_score"]})
    with pytest.raises(RangeTestError, match=r"only 1 of 2 seeds show bounds .*change range_test"):
        suggest([classifier(), at_once], "smith", "val_accuracy", +1, needed=2)


def test_seeds_without_a_pair_are_told() -> None:
    """The others give one; where none does, it is an error."""
    useless = classifier(learns=50.0, stops=100.0, dies=200.0, jumps=0.02)
    found = of([*seeds(2), useless])
    assert len(found.pairs) == 2
    assert found.warnings[0].startswith("seed 3 is left out: its mean loss of 73 steps falls by 0.")
    assert found.warnings[0].endswith(" up to the rate 10, which is less than 2% of it")
    jumping = classifier(jumps=0.2)
    (warning,) = of([*seeds(2), jumping]).warnings
    assert warning == (
        "seed 3 is left out: its val_accuracy does not improve by more than it jumps; it has a "
        "stability edge, at 0.999: the rule quarter reads that"
    )
    with pytest.raises(RangeTestError, match="the range test shows no bounds"):
        of([useless, useless])


@pytest.mark.parametrize("rule", list(RULES))
def test_a_seed_that_does_not_learn_gives_nothing(rule: str) -> None:
    """Neither an edge nor a pair, by no rule: its bounds would be those of its noise."""
    found = of([*seeds(2), stuck()], rule)
    assert found.edges[2] is None
    assert len(found.pairs) == 2
    assert found.init_lr == of(seeds(2), rule).init_lr
    assert found.max_lr == of(seeds(2), rule).max_lr
    assert found.warnings[0].startswith("seed 3 is left out: its mean loss of 73 steps falls")
    with pytest.raises(RangeTestError, match=f"no bounds by the rule {rule}: seed 1 is left out"):
        of([stuck(seed=seed) for seed in range(3)], rule)


def test_why_nothing_was_learnt_is_what_was_measured() -> None:
    """A loss that falls far within its noise does not "hardly fall"; nor one that diverges."""
    noisy = quadratic(1.0, noise=0.3, start=0.3)
    with pytest.raises(RangeTestError) as caught:
        suggest([noisy], "smith", "val_score", +1)
    assert re.search(
        r"its mean loss of 296 steps falls by 0\.022 from 0\.0644\d before it diverges at 2\.0\d, "
        r"which is no more than batches differ by chance \(0\.0253\)",
        str(caught.value),
    )
    at_once = quadratic(1.0, noise=0.0, low=2.0, high=50.0)
    with pytest.raises(
        RangeTestError, match=r"diverges within its first \d+ steps, at rates up to"
    ):
        suggest([at_once], "smith", "val_score", +1, of_sweep=False)


def test_too_few_good_seeds_are_refused() -> None:
    """With what speaks against each, and the key that takes them all the same."""
    curves = [classifier(), stuck(seed=1), stuck(seed=2)]
    with pytest.raises(RangeTestError) as refused:
        suggest(curves, "smith", "val_accuracy", +1, needed=2)
    text = str(refused.value)
    assert text.startswith("only 1 of 3 seeds show bounds by the rule smith, and 2 have to: seed 2")
    assert "seed 3 is left out: its mean loss of 73 steps falls" in text
    assert text.endswith("or take the bounds of 1 with range_test.min_seeds: 1")
    taken = suggest(curves, "smith", "val_accuracy", +1, needed=1)
    assert len(taken.pairs) == 1
    assert len(taken.warnings) == 2


def test_where_no_edge_was_seen_none_is_used() -> None:
    """The quarter rule reads the edge; the ranges end where the loss is back at its start."""
    curves = [classifier(high=0.5, seed=seed) for seed in range(3)]
    with pytest.raises(RangeTestError, match=r"no stability edge was seen up to 0\.5"):
        of(curves, "quarter")
    slow = [slowly_lost(curve) for curve in seeds(3, dies=50.0)]
    found = of(slow)
    assert found.edges == (None, None, None)
    assert 0.9 < found.max_lr[1] < 2.5


def slowly_lost(curve: Curve) -> Curve:
    """The same, whose loss goes back to that of guessing over a decade and more, from .5 on."""
    part = np.clip(np.log10(curve.rates / 0.5) / np.log10(4), 0, 1)
    return replace(curve, losses=curve.losses + part * (2.3 - curve.losses))


def test_fashion_mnist() -> None:
    """A recorded test: three seeds, of which one dies, one ends in NaN, and one recovers."""
    files = sorted((Path(__file__).parents[1] / "data" / "range_test").glob("*.npz"))
    curves = [read_curve(file) for file in files]
    found = of(curves)
    assert found.edges == pytest.approx((1.08, 0.82, 0.533), rel=0.02)
    assert (found.base, found.max) == pytest.approx((0.0206, 0.445), rel=0.01)
    assert (found.init_lr, found.max_lr) == ((0.00013, 0.024), (0.14, 0.9))
    assert found.warnings == ()


def test_values_that_are_not_finite_are_left_out() -> None:
    """Evaluations after the divergence, and batches there, change nothing."""
    curve = classifier(dies=1.0)
    losses, accuracy = curve.losses.copy(), curve.metrics["val_accuracy"].copy()
    losses[curve.rates > 1.05] = np.inf
    accuracy[curve.rates_at_evaluations() > 1.05] = np.nan
    spoilt = replace(curve, losses=losses, metrics={"val_accuracy": accuracy})
    clean, found = of([curve]), of([spoilt])
    assert found.pairs == clean.pairs
    assert found.max_lr[1] == pytest.approx(clean.max_lr[1], rel=0.1)


def test_a_loss_that_is_not_finite_before_any_update() -> None:
    """No rate makes it, so no edge is told of it; nor does any other seed's bound."""
    bad = replace(classifier(), losses=np.full(len(classifier().losses), np.nan))
    with pytest.raises(RangeTestError) as caught:
        of([bad])
    assert caught.value.warnings == (
        "seed 1 is left out: its loss is not finite in the first step already, before any update: "
        "the model, its loss or the data make it so, and no rate does",
    )
    found = of([*seeds(2), bad])
    assert found.edges[2] is None
    assert len(found.pairs) == 2


def test_what_may_help_where_nothing_is_learnt() -> None:
    """No other rule, which would read nothing either, and no lower rate; what does, by its key."""
    with pytest.raises(RangeTestError) as caught:
        suggest([stuck(seed=seed) for seed in range(3)], "smith", "val_accuracy", +1)
    text = str(caught.value)
    cure = text.partition(". No rule reads bounds where nothing is learnt. What may help: ")[2]
    assert cure == (
        "a higher range_test.high, more range_test.epochs; another training.optimizer, such as "
        "adam, which moves weights that plain sgd leaves where they are. Give init_lr and max_lr "
        "in search_space, in the place of a `from: range_test` that is there, where "
        "you know them"
    )
    assert "rule quarter" not in text
    assert str(caught.value.of_study("mine")) == (
        f"{text}. Before any change but of range_test.min_seeds: `clr-sweep delete mine`, which "
        "has trained no trial yet"
    )
    with pytest.raises(RangeTestError, match=r"adam, which moves .* they are$"):
        suggest([stuck()], "smith", "val_accuracy", +1, of_sweep=False)


def test_no_setting_helps_a_loss_that_is_never_finite() -> None:
    """What it is for is said, and nothing else."""
    never = replace(stuck(), losses=np.full(len(stuck().losses), np.nan))
    with pytest.raises(RangeTestError, match=r"make it so, and no rate does$"):
        suggest([never], "smith", "val_accuracy", +1)
