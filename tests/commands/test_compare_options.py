"""The options of `clr-sweep compare`, in place of what the sweep file says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from written_sweeps import sweep

from clr_sweep.commands.compare import _as_asked, from_text
from clr_sweep.common.errors import InputError
from clr_sweep.definition.comparison import ComparisonConfig

FILE = ComparisonConfig(rivals=("constant", "cosine"), trials={"cosine": 2})


def asked(options: Mapping[str, str]) -> ComparisonConfig:
    """How the comparison of the file is made with these options."""
    given = {name.replace("-", "_"): from_text(name, text) for name, text in options.items()}
    return _as_asked(sweep({"study.trials": 5}), FILE, given)[1]


def test_what_is_given_stands_in_place_of_the_file() -> None:
    """And what is not given stays."""
    made = asked({"seeds": "4", "margin": "0.01", "trials": "cosine=3, constant = 4"})
    assert (made.rivals, made.seeds, made.margin) == (("constant", "cosine"), 4, 0.01)
    assert made.trials == {"cosine": 3, "constant": 4}
    assert asked({"rivals": "cosine"}).trials == {"cosine": 2}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"trials": "cosine=3,cosine=1"},
         "--trials: must be a whole number from 1 to 1000000, or one for each rival, such as "
         "{cosine: 20}, got 'cosine=3,cosine=1'"),
        ({"trials": "cosine=3,constant"},
         "--trials.constant: must be a whole number from 1 to 1000000, got ''"),
        ({"trials": "linear=3"}, "--trials.linear: is none of the rivals (constant, cosine)"),
        ({"rivals": "constant"},
         "comparison.trials.cosine: is none of the rivals (constant): this is what the study's "
         "sweep says, give --trials too"),
        ({"finalist-seeds": "0"}, "--finalist-seeds: must be at least 1, got 0"),
        ({"jobs": "0"}, "--jobs: must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused_where_it_stands(options: dict[str, str], problem: str) -> None:
    """One against a value of the file names that value, and the option that changes it."""
    with pytest.raises(InputError) as caught:
        asked(options)
    assert caught.value.problems == (problem,)
