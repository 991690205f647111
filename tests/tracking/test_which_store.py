"""Which store a command speaks with: the option's, the environment's, the file's, the default."""

from __future__ import annotations

from pathlib import Path

import pytest

from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.definition.tracking_config import TrackingConfig
from clr_sweep.tracking.which_store import DEFAULT_URI, StoreChoice, same_store

OPTION, ENVIRONMENT, FILE = "http://option", "http://environment", "http://file"
RUN = "0" * 32


@pytest.mark.parametrize(
    ("option", "environment", "file", "used"),
    [
        (OPTION, ENVIRONMENT, FILE, OPTION),
        (None, ENVIRONMENT, FILE, ENVIRONMENT),
        (None, None, FILE, FILE),
        (None, None, None, DEFAULT_URI),
    ],
)
def test_who_comes_first(
    option: str | None, environment: str | None, file: str | None, used: str
) -> None:
    """The option, the environment, the file, and then a SQLite file here."""
    choice = StoreChoice(option, environment)
    assert choice.uri(TrackingConfig(uri=file), "a.yaml") == used


def test_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of the environment, when the choice is made: MLflow writes it later."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = StoreChoice.of(None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", ENVIRONMENT)
    assert before.uri() == DEFAULT_URI
    assert StoreChoice.of(None).uri() == ENVIRONMENT
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert StoreChoice.of(None).uri() == DEFAULT_URI


def test_a_wrong_option() -> None:
    """Refused by its name."""
    with pytest.raises(InputError, match=r"^--tracking-uri: must be the address .* got 'nothing'$"):
        StoreChoice.checked("nothing")


def test_a_wrong_environment() -> None:
    """What was meant is said, where that is plain; the rest is MLflow's to refuse or to know."""
    with pytest.raises(InputError, match=r"^MLFLOW_TRACKING_URI: must be .* mean 'http://host:80'"):
        StoreChoice(None, "host:80").uri()
    assert StoreChoice(None, "plugin://host").uri() == "plugin://host"
    assert StoreChoice(OPTION, "host:80").uri() == OPTION


def test_a_file_that_the_environment_overrules(caplog: pytest.LogCaptureFixture) -> None:
    """One line: which is used, and why."""
    choice = StoreChoice(None, "http://me:s3cr3t@environment")
    choice.uri(TrackingConfig(uri=FILE), "a.yaml")
    assert caplog.messages == [
        "MLflow: http://me:***@environment is used, as MLFLOW_TRACKING_URI says, and not "
        "http://file, as a.yaml says in tracking.uri: the environment comes first, and before it "
        "--tracking-uri"
    ]


def test_nothing_is_said_of_one_store(caplog: pytest.LogCaptureFixture) -> None:
    """However it is written, nor where the option says it."""
    StoreChoice(None, "http://me:s3cr3t@FILE:80/").uri(TrackingConfig(uri=FILE), "a.yaml")
    StoreChoice(OPTION, ENVIRONMENT).uri(TrackingConfig(uri=FILE), "a.yaml")
    StoreChoice(None, ENVIRONMENT).uri(TrackingConfig(), "a.yaml")
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("option", "place", "cure"),
    [(OPTION, "--tracking-uri", "leave it out"), (None, "a.yaml: tracking.uri", "take it out")],
)
def test_another_store_than_that_of_mlflow_run(option: str | None, place: str, cure: str) -> None:
    """The run that it made is in the environment's: refused, with the cure."""
    named = option or FILE
    with pytest.raises(InputError) as caught:
        StoreChoice(option, ENVIRONMENT, RUN).uri(TrackingConfig(uri=FILE), "a.yaml")
    said = str(caught.value)
    assert said.startswith(f"{place}: names {named}, but `mlflow run` has made the run {RUN} in ")
    assert cure in said
    assert said.endswith(f"or `export MLFLOW_TRACKING_URI={named}` before `mlflow run`")


def test_the_store_of_mlflow_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hands over its own as a whole path; a file may name that too."""
    monkeypatch.chdir(tmp_path)
    there = f"sqlite:///{tmp_path}/runs.db"
    choice = StoreChoice(None, there, RUN)
    assert choice.uri(TrackingConfig(uri="sqlite:///runs.db"), "a.yaml") == there
    assert choice.uri() == there
    with pytest.raises(InputError, match=r"runs\.db, where the sweep has to be"):
        choice.uri(TrackingConfig(uri=DEFAULT_URI), "a.yaml")


def test_a_study_that_keeps_no_password() -> None:
    """What it was shown in is known, and how to name it is said; an option does."""
    kept = TrackingConfig(uri="http://me:***@host")
    with pytest.raises(StoreError, match="study 'x' keeps its address without the password: name"):
        StoreChoice().uri(kept, "study 'x'")
    assert StoreChoice(OPTION).uri(kept, "study 'x'") == OPTION


@pytest.mark.parametrize(
    ("adopted", "variable", "why"),
    [(None, "MLFLOW_EXPERIMENT_NAME", "first"), (RUN, "MLFLOW_EXPERIMENT_ID", "mlflow run")],
)
def test_another_experiment(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    adopted: str | None,
    variable: str,
    why: str,
) -> None:
    """One line too; none where they agree, or where only one of them says any."""
    for name in ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    StoreChoice.of(None).say_which_experiment(TrackingConfig(experiment="mine"), "a.yaml")
    monkeypatch.setenv(variable, "7")
    choice = StoreChoice.of(None, adopted)
    choice.say_which_experiment(TrackingConfig(), "a.yaml")
    choice.say_which_experiment(TrackingConfig(experiment="7"), "a.yaml")
    assert caplog.messages == []
    choice.say_which_experiment(TrackingConfig(experiment="mine"), "a.yaml")
    (line,) = caplog.messages
    assert f"that of {variable} (7), and not 'mine', as a.yaml says" in line
    assert why in line


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://host", "http://me:a@HOST:80/", True),
        ("https://host", "https://host:443", True),
        ("http://host", "https://host", False),
        ("http://host:5000", "http://host:5001", False),
        ("http://host/a", "http://host/b", False),
        ("postgresql://me:a@host/x", "postgresql+psycopg2://me:b@host/x", True),
        ("postgresql://me@host/x", "postgresql://you@host/x", False),
        ("postgresql://host/x", "mysql://host/x", False),
        ("sqlite:///a.db", "sqlite:///./a.db", True),
        ("sqlite:///a.db", "sqlite:///b.db", False),
        ("http://host:port", "http://host:port", True),
        ("databricks", "databricks", True),
    ],
)
def test_one_store_or_two(one: str, other: str, same: bool) -> None:
    """By where it is, whoever asks."""
    assert same_store(one, other) is same
