"""The throughput benchmark: its fixed trials, what it counts, and going on; not the peers."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import psutil
import pytest

from benchmarks.throughput.__main__ import NAMES, workload_in
from benchmarks.throughput.evidence import check_own_study, evidence
from benchmarks.throughput.figure import draw
from benchmarks.throughput.fixed_trials import prepare, sample
from benchmarks.throughput.results import Result, append, missing, read, rows, table
from benchmarks.throughput.workload import Workload, suggest
from clr_sweep.definition.loading import load_sweep
from clr_sweep.search.sampling import Sampling
from clr_sweep.training.data.datasets import load_dataset

ROOT = Path(__file__).parents[2]
SLICE = ROOT / "tests" / "data" / "fashion_mnist_slice.npz"


@pytest.fixture
def workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workload:
    """Four trials over the slice of the images that stands in for the data set."""
    monkeypatch.setattr("benchmarks.throughput.fixed_trials._slice", lambda file, images: SLICE)
    return prepare(tmp_path / "bench", trials=4, epochs=2, images=300, cores=2)


def own_study(workload: Workload, folder: Path) -> optuna.Study:
    """The study as `clr-sweep run` fills it: each trial is asked for when others have ended."""
    sweep = load_sweep(Path(workload.sweep))
    examples = len(load_dataset(sweep.dataset.name).x_train)
    folder.mkdir(exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'optuna.db'}", study_name="throughput", direction="maximize"
    )
    driver = Sampling(study, sweep, examples, folder, {})
    for number in range(sweep.study.trials):
        asked = driver.ask()
        study.tell(asked.trial, 0.1 * number)
    return study


def test_the_fixed_trials_are_those_that_our_sweep_samples(
    workload: Workload, tmp_path: Path
) -> None:
    """The baseline and three sampled ones, no two alike."""
    baseline, *sampled = workload.trials
    assert baseline == {"policy": "constant", "max_lr": 0.01}
    own = own_study(workload, tmp_path / "study")
    assert [trial.params for trial in own.trials] == [dict(params) for params in sampled]
    assert len({params["max_lr"] for params in workload.trials}) == 4
    check_own_study(tmp_path / "study", workload)


def test_a_study_of_other_trials_is_refused(workload: Workload, tmp_path: Path) -> None:
    own_study(workload, tmp_path / "study")
    others = Workload(**{**vars(workload), "trials": workload.trials[::-1]})
    with pytest.raises(SystemExit, match="ours: must run"):
        check_own_study(tmp_path / "study", others)


def test_the_others_are_given_the_same_trials(workload: Workload) -> None:
    """Written and read, enqueued in a study, and taken from the others' search space."""
    study = optuna.create_study()
    for params in workload.trials:
        study.enqueue_trial(dict(params))
    assert [suggest(study.ask()) for _ in workload.trials] == [dict(p) for p in workload.trials]


def test_what_is_handed_on_is_read_as_written(workload: Workload, tmp_path: Path) -> None:
    file = tmp_path / "workload.json"
    workload.write(file)
    assert Workload.read(file) == workload


def test_all_validate_on_the_rows_that_our_sweep_holds_out(workload: Workload) -> None:
    x_train, y_train, x_val, y_val = workload.split()
    sweep = load_sweep(Path(workload.sweep))
    data = load_dataset(sweep.dataset.name)
    held_out = sweep.dataset.held_out(len(data.x_train))
    assert len(x_val) == len(y_val) == held_out > 0
    assert len(x_train) == len(y_train) == len(data.x_train) - held_out
    _, rows_held_out = workload.split_rows()
    assert (x_val == data.x_train[rows_held_out]).all()


def test_a_trial_is_sampled_whatever_came_before(workload: Workload) -> None:
    """The sampler is random: what the earlier trials found changes nothing."""
    sweep = load_sweep(Path(workload.sweep))
    assert sample(sweep, 2, 1000) == workload.trials[3]


def result(contestant: str, number: int, wall: float, cpu: float = 1.0) -> Result:
    return Result(contestant, number, wall, cpu, [2, 2], [0.5, 0.7], 2)


HAND_WRITTEN = [
    result("ours", 1, 10.0, 18.0),
    result("plain", 1, 30.0, 40.0),
    result("plain", 2, 22.0, 44.0),
    result("ours", 2, 11.0, 20.0),
    result("plain", 3, 50.0, 48.0),
    result("ours", 3, 20.0, 22.0),
]


def test_ratios_are_taken_round_by_round(tmp_path: Path) -> None:
    """The median of the rounds' ratios (3, 2, 2.5), not the ratio of the medians (30 / 11)."""
    file = tmp_path / "results.jsonl"
    for one in HAND_WRITTEN:
        append(file, one)
    lines = table(rows(read(file), list(NAMES)), NAMES).splitlines()
    assert lines[2:] == [
        "| clr-sweep | 11.0 | 20.0 | 1.00 (1.00 to 1.00) | 0.600 |",
        "| plain script: Optuna, fit, autolog | 30.0 | 44.0 | 2.50 (2.00 to 3.00) | 0.600 |",
    ]


def test_without_ours_there_is_no_ratio() -> None:
    (row,) = rows([result("plain", 1, 30.0)], list(NAMES))
    assert row.ratios == []
    assert "| - |" in table([row], NAMES)


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "new" / "throughput.png"
    draw(rows(HAND_WRITTEN, list(NAMES)), NAMES, "by hand", file)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_what_is_missing_is_run_in_an_order_that_rotates() -> None:
    assert missing([], ["a", "b", "c"], 2) == [
        (1, "a"), (1, "b"), (1, "c"), (2, "b"), (2, "c"), (2, "a"),
    ]  # fmt: skip
    done = [result("a", 1, 1.0), result("b", 2, 1.0)]
    assert missing(done, ["a", "b", "c"], 2) == [(1, "b"), (1, "c"), (2, "c"), (2, "a")]


def test_a_folder_goes_on_with_its_own_options_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second start gets the first one's workload; other options are refused."""
    monkeypatch.setattr("benchmarks.throughput.fixed_trials._slice", lambda file, images: SLICE)
    options = argparse.Namespace(trials=2, epochs=1, images=300)
    first = workload_in(tmp_path / "bench", options)
    assert workload_in(tmp_path / "bench", options) == first
    options.epochs = 2
    with pytest.raises(SystemExit, match="name another --folder"):
        workload_in(tmp_path / "bench", options)


def test_a_trial_that_is_short_is_refused(workload: Workload, tmp_path: Path) -> None:
    curves = {str(params["max_lr"]): [0.1, 0.2] for params in workload.trials}
    file = tmp_path / "outcomes-0.json"
    file.write_text(json.dumps(curves))
    assert evidence("limit", tmp_path, workload).val_accuracy == [0.2] * 4
    file.write_text(json.dumps({**curves, "0.01": [0.1]}))
    with pytest.raises(SystemExit, match=r"max_lr 0\.01 must have 2 epochs"):
        evidence("limit", tmp_path, workload)
    del curves["0.01"]
    file.write_text(json.dumps(curves))
    with pytest.raises(SystemExit, match="must have trained"):
        evidence("limit", tmp_path, workload)


MEASURE = (sys.executable, "-m", "benchmarks.throughput.measure")
BUSY = """
import os, signal, subprocess, sys, time
def burn(seconds):
    while time.process_time() < seconds: pass
mode = sys.argv[1]
if mode == "burn":
    burn(1.5)
    time.sleep(3.0)
else:
    if mode == "unreaped":
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, __file__, "burn"], start_new_session=True)
    if mode != "left":
        child.wait()
"""


@pytest.mark.heavy
@pytest.mark.parametrize("mode", ["waited", "left", "unreaped"])
def test_the_cpu_time_of_the_whole_tree_is_counted(mode: str, tmp_path: Path) -> None:
    """Of children that are waited for, left behind, and forgotten by the kernel: 1.5 s each."""
    script = tmp_path / "busy.py"
    script.write_text(BUSY)
    cost = measured_apart([sys.executable, str(script), mode], tmp_path)
    assert cost["status"] == 0
    assert 1.5 <= cost["cpu_s"] < 3.0, "counted, and once"


def test_what_is_interrupted_leaves_nothing_running(tmp_path: Path) -> None:
    """Not even a daemon in a session of its own."""
    script, pid_file = tmp_path / "daemon.py", tmp_path / "pid"
    script.write_text(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        f"open({str(tmp_path / 'new')!r}, 'w').write(str(child.pid))\n"
        f"import os; os.replace({str(tmp_path / 'new')!r}, {str(pid_file)!r})\n"
        "time.sleep(1000)\n"
    )
    command = [*MEASURE, tmp_path / "cost", tmp_path / "log", sys.executable, script]
    wrapper = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while not pid_file.exists():
        assert wrapper.poll() is None
        time.sleep(0.05)
    daemon = int(pid_file.read_text())
    assert psutil.pid_exists(daemon)
    wrapper.send_signal(signal.SIGTERM)
    assert wrapper.wait() != 0
    assert not psutil.pid_exists(daemon)


def measured_apart(command: list[str], folder: Path) -> dict[str, float]:
    """As the runner does it, in a process of its own: it adopts orphans and waits for all."""
    report = folder / "cost.json"
    subprocess.run([*MEASURE, report, folder / "log", *command], check=True, cwd=ROOT)
    return dict(json.loads(report.read_text()))


def test_what_fails_is_told_by_its_status(tmp_path: Path) -> None:
    cost = measured_apart([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
    assert cost["status"] == 3
