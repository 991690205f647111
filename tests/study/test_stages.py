"""The stages of a sweep: what is imported before its first trial, a refused one, and the last."""

from __future__ import annotations

import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from own_process import python
from small_studies import SmallStudy
from written_sweeps import sweep

from clr_sweep.commands.export import export_study
from clr_sweep.common.errors import InputError
from clr_sweep.common.stopping import InterruptedSweepError, StopRequest
from clr_sweep.search.attributes import BASELINE
from clr_sweep.study import stages
from clr_sweep.study.part import SweepSource
from clr_sweep.study.under_way import UnderWay
from clr_sweep.tracking.which_store import StoreChoice

NOT_YET = ("keras", "matplotlib", "sklearn", "tensorflow")


@pytest.mark.heavy
def test_the_first_trial_does_not_wait_for_what_a_driver_needs_later() -> None:
    """The processes of trials have Keras; figures of the study are drawn while trials run."""
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"  # an editable install may import some of them itself
        "import clr_sweep.definition.loading, clr_sweep.study.stages\n"
        f"print(sorted({set(NOT_YET)} & sys.modules.keys() - before))"
    )
    assert python("-c", code).stdout == "[]\n"


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        (2, "all 2 trials have ended, the evaluation on the test set is left; the same command "
            "goes on"),
        (3, "2 of 3 trials have ended; the same command goes on"),  # after study.timeout
    ],
)  # fmt: skip
def test_a_stop_during_the_last_stage_says_what_is_left(
    monkeypatch: pytest.MonkeyPatch, trials: int, said: str
) -> None:
    """As the stops before it do."""
    study = optuna.create_study()
    study.set_user_attr(BASELINE, {"state": "complete"})
    for _ in range(2):
        study.tell(study.ask(), 1.0)
    lines: list[str] = []
    anything: Any = None
    display: Any = SimpleNamespace(say=lines.append, warn=lines.append)
    stop = StopRequest()
    under_way = UnderWay(
        sweep({"study.trials": trials}), study, anything, anything, display, stop, anything,
        Path("nowhere"), (), {},
    )  # fmt: skip

    def stopped(*_: object) -> None:
        stop.receive(signal.SIGTERM, None)
        raise stop.error()

    monkeypatch.setattr(stages, "evaluate_untested", stopped)
    with pytest.raises(InterruptedSweepError, match="stopped by SIGTERM"):
        stages.evaluate(under_way, anything)
    assert lines == [said]


def test_a_study_that_was_deleted_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new one of its name does not begin over its trials, nor is it exported for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    deleted = SmallStudy(tmp_path)
    run = deleted.publisher().runs.parent_id
    kept = deleted.folder / "0000" / "result.json"
    kept.parent.mkdir()
    kept.write_text("the old one's")
    optuna.delete_study(study_name="example", storage=deleted.url)
    source = SweepSource(Path("x.yaml"), "", (tmp_path,))
    with pytest.raises(InputError, match="holds trials of another of this name"):
        stages.run_stages(deleted.sweep, source, None, None, None, StopRequest())  # type: ignore[arg-type]
    assert kept.read_text() == "the old one's"
    assert optuna.get_all_study_names(deleted.url) == []
    SmallStudy(tmp_path)
    with pytest.raises(InputError, match=f"run {run} is of a study 'example' that is not in the"):
        export_study(run, None, None, StoreChoice())
