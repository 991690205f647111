"""The jobs of a range test, and curves that were recorded of another model than it has now."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_trials import small_config, stored_in
from written_sweeps import sweep

from clr_sweep.lr_range_test.seeds import RangeTest, _recorded_before
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.training.requests import ModelIdentity, PreparedData, RangeTestJob


def job(folder: Path, mark: str, parameters: int, digest: str = "a") -> RangeTestJob:
    test, model = RangeTestConfig(), ModelIdentity(parameters, digest)
    file = folder / f"seed_0-{mark}.npz"
    return RangeTestJob(small_config("constant"), test, model, stored_in(folder), file, ())


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (449, "recorded of a model with 449 parameters; this one has 1,497"),
        (1497, "recorded of a model with other layers or variables, of 1,497 parameters too"),
        (None, "recorded by an earlier version, which did not keep of which model"),
    ],
)
def test_what_is_said_of_them(tmp_path: Path, parameters: int | None, said: str) -> None:
    """By what the model differs in; an earlier version did not look at it."""
    old = job(tmp_path, "00000000", parameters or 1)
    identity = json.loads(old.identity)
    if parameters is None:
        del identity["model"]
    np.savez(old.file, identity=json.dumps(identity))
    (tmp_path / "seed_0-11111111.npz").write_text("damaged")
    new = job(tmp_path, "22222222", 1497, "b")
    assert _recorded_before([new]) == said


def test_other_tests_are_no_other_models(tmp_path: Path) -> None:
    """Curves of other rates lie there too, and say nothing."""
    old = job(tmp_path, "00000000", 449)
    np.savez(old.file, identity=old.identity)
    new = job(tmp_path, "22222222", 1497)
    other = replace(new, test=new.test.model_copy(update={"high": 2.0}))
    assert _recorded_before([other]) == ""


def test_the_scale_is_looked_at_once(tmp_path: Path) -> None:
    """By the first seed alone: that is a pass over all the data, the same for every seed."""
    stored = stored_in(tmp_path)
    facts = PreparedData("a", "a.npz", "digest", 9000, 500, (28, 28), "uint8", stored)
    made = sweep({"range_test": {"seeds": 3}})
    jobs = RangeTest(made, facts, tmp_path, (), ModelIdentity(1, "0"))._jobs()
    assert [job.looks_at_scale for job in jobs] == [True, False, False]
    assert len({job.file for job in jobs}) == 3
