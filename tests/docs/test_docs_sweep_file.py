"""What the documentation says of the sweep file: every key, sweeps that load, the shipped ones."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from documentation import PAGES, SWEEP_FILE, blocks, text_of
from pydantic import BaseModel
from real_runs import DATA, PROJECT, Place
from written_sweeps import written

from clr_sweep.commands.check import cycle_warnings
from clr_sweep.definition.dimensions import Range, RatioRange
from clr_sweep.definition.keys_in_file import fields_in_file
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.losses import ARGUMENTS
from clr_sweep.definition.optimizers import OPTIMIZERS
from clr_sweep.definition.search_space import SCHEDULE_KEYS
from clr_sweep.definition.sweep import Sweep


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The records within a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted keys of a file that a record is read from."""
    for name, field in fields_in_file(model).items():
        sections = [found for found in models_in(field.annotation) if found.model_fields]
        inside = [found for found in sections if found not in (Range, RatioRange)]
        if not inside or name in ("optimizer", "loss", "outputs"):
            yield prefix + name
        # The names of outputs are the user's, and what each holds is written as `loss` is.
        for section in inside if name != "outputs" else ():
            yield from keys_of(section, f"{prefix}{name}.")


def test_the_keys_are_those_of_the_file() -> None:
    """What the next test walks over is all of the file: a few keys of each depth are there."""
    found = set(keys_of(Sweep))
    assert {"name", "study.trials", "training.optimizer.name", "training.optimizer"} <= found
    assert {f"search_space.{key}" for key in SCHEDULE_KEYS} <= found


@pytest.mark.parametrize("key", sorted(keys_of(Sweep)))
def test_every_key_is_documented(key: str) -> None:
    """Each key has a row in the table of keys, with its default if that is a plain value."""
    row = re.search(rf"^\| `{re.escape(key)}` \|.*$", text_of(SWEEP_FILE), re.MULTILINE)
    assert row, key
    model: Any = Sweep
    *sections, name = key.split(".")
    for section, below in zip(sections, [*sections, name][1:], strict=True):
        inside = models_in(fields_in_file(model)[section].annotation)
        model = next(found for found in inside if below in fields_in_file(found))
    field = fields_in_file(model)[name]
    default = row[0].split(" | ")[2]
    if field.is_required():
        assert "required" in default
    elif isinstance(field.default, (int, float)) or (
        isinstance(field.default, str) and field.default and name != "direction"
    ):
        shown = str(field.default)
        assert (shown.lower() if isinstance(field.default, bool) else shown) in default


@pytest.mark.parametrize("key", [*Range.model_fields, *RatioRange.model_fields])
def test_every_key_of_a_range_is_documented(key: str) -> None:
    """The keys of a range, and the ratio, stand on the sweep file's page."""
    text = text_of(SWEEP_FILE)
    assert f"| `{key}` |" in text or f"{{{key}: {{" in text


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_documented(optimizer: str) -> None:
    """Each optimizer and each of its arguments stand on the sweep file's page."""
    text = text_of(SWEEP_FILE)
    assert f"`{optimizer}`" in text
    for argument in OPTIMIZERS[optimizer]:
        assert f"`{argument}`" in text, argument


@pytest.mark.parametrize("loss", [name for name, known in ARGUMENTS.items() if known])
def test_every_argument_of_a_loss_is_documented(loss: str) -> None:
    """A loss that takes arguments has them in its row of the page's table."""
    (row,) = re.findall(
        rf"^\| .*`{loss}`.*\| (.*) \|$", text_of(SWEEP_FILE).split("## Losses")[1], re.M
    )
    assert {f"`{argument}`" for argument in ARGUMENTS[loss]} == set(row.split(", "))


def whole_sweeps() -> Iterator[Any]:
    """The blocks of all pages that are whole sweep files."""
    for page in PAGES:
        for line, block in blocks(page, "yaml"):
            content = yaml.safe_load(block)
            if isinstance(content, dict) and {"name", "search_space"} <= set(content):
                yield pytest.param(block, id=f"{page.relative_to(PROJECT)}:{line}")


def search_spaces() -> Iterator[Any]:
    """The blocks of the sweep file's page that show a search space, or training with it."""
    for line, block in blocks(SWEEP_FILE, "yaml"):
        content = yaml.safe_load(block)
        keys = set(content) if isinstance(content, dict) else set()
        if {"search_space"} <= keys <= {"training", "search_space"}:
            yield pytest.param(block, id=f"sweep-file.md:{line}")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with what the pages' sweeps name: a data file, and modules with functions."""
    shutil.copy(DATA / "fashion_mnist_slice.npz", tmp_path / "my_data.npz")
    (tmp_path / "my_model.py").write_text("def build(input_shape, classes):\n    ...\n")
    (tmp_path / "rings.py").write_text("def data(): ...\ndef network(units=16): ...\n")
    people = "def people(): ...\ndef two_ends(input_shape, classes, units=16): ...\n"
    (tmp_path / "people.py").write_text(people)
    (tmp_path / "distances.py").write_text(
        "def train(trial, units=32): ...\ndef evaluate(trial): ...\n"
    )
    return tmp_path


@pytest.mark.parametrize("block", whole_sweeps())
def test_whole_sweeps_on_pages_load(block: str, beside: Path) -> None:
    """A whole sweep file that a page shows is valid, and its trials end at troughs."""
    file = beside / "sweep.yaml"
    file.write_text(block, encoding="utf-8")
    assert cycle_warnings(load_sweep(file)) == []


def scored_otherwise() -> Iterator[Any]:
    """The blocks of all pages that show training and objective alone: a loss, metrics, a score."""
    for page in PAGES:
        for line, block in blocks(page, "yaml"):
            content = yaml.safe_load(block)
            if isinstance(content, dict) and set(content) == {"training", "objective"}:
                yield pytest.param(content, id=f"{page.relative_to(PROJECT)}:{line}")


@pytest.mark.parametrize("sections", scored_otherwise())
def test_losses_and_metrics_on_pages_load(sections: dict[str, Any], tmp_path: Path) -> None:
    """A loss with its metrics and objective that a page shows is valid in a sweep."""
    (tmp_path / "my_code.py").write_text(
        "def largest_gap(y_true, y_pred): ...\ndef pinball(y_true, y_pred, quantile=0.5): ...\n"
    )
    assert load_sweep(written(tmp_path, sections)).objective.direction == "minimize"


def test_pages_show_a_regression() -> None:
    """Those that a newcomer reads, and the one to look it up in."""
    shown = {str(param.id).partition(":")[0] for param in scored_otherwise()}
    assert shown == {"README.md", "docs/own-model.md", "docs/sweep-file.md"}


@pytest.mark.parametrize("block", search_spaces())
def test_search_spaces_on_pages_load(block: str, tmp_path: Path) -> None:
    """A search space that the sweep file's page shows is valid in a sweep."""
    file = tmp_path / "sweep.yaml"
    (tmp_path / "my_code.py").write_text(
        "def clipped_muon(learning_rate, momentum): ...\n"
        "def either(learning_rate, kind, momentum): ...\n"
    )
    rest = """
        name: shown
        dataset: {name: fashion_mnist}
        model: {name: tutorial_cnn}
    """
    training = "" if "training:" in block else "training: {epochs: 16}\n"
    file.write_text(textwrap.dedent(rest) + training + block, encoding="utf-8")
    assert load_sweep(file).search_space.init_lr is not None


# ---- the sweeps that are shipped

SWEEPS = sorted((PROJECT / "sweeps").rglob("*.yaml"))


def relative(paths: list[Path]) -> Any:
    """Parameters of a test, each named by its path in the repository."""
    return [pytest.param(path, id=str(path.relative_to(PROJECT))) for path in paths]


@pytest.mark.parametrize("file", relative(SWEEPS))
def test_shipped_sweeps_have_a_header(file: Path) -> None:
    """A sweep says on top what it asks, how it is started, what it costs and what to expect."""
    header = file.read_text(encoding="utf-8").split("\nname:")[0]
    for word in ("Question", "Command", "Cost", "Expected"):
        assert re.search(rf"^# {word}: +\S", header, re.MULTILINE), word
    (command,) = re.findall(r"^# Command: +(.*)$", header, re.MULTILINE)
    default = "sweeps/fashion_mnist.yaml"
    path = file.relative_to(PROJECT).as_posix()
    assert path in command or (path == default and command.startswith("mlflow run ."))


@pytest.mark.parametrize("file", relative(SWEEPS))
def test_shipped_sweeps_pass_their_checks(file: Path) -> None:
    """A sweep is valid, and no warning says that its trials are not comparable."""
    assert cycle_warnings(load_sweep(file)) == []


IN_CI = ("first_look", "fashion_mnist_range_test", "policies")
"""Of the shipped sweeps, those that hold what the others hold."""


@pytest.mark.heavy
@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, marks=() if file.stem in IN_CI else pytest.mark.slow, id=file.stem)
        for file in SWEEPS
    ],
)
def test_shipped_sweeps_run(file: Path, places: Callable[..., Place]) -> None:
    """A sweep, shrunk to two short trials on few images, runs to its end."""
    place = places(file.stem)
    for module in file.parent.glob("*.py"):
        shutil.copy(module, place.folder)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    if content["dataset"]["name"] == "fashion_mnist":
        content["dataset"] = {"name": str(DATA / "fashion_mnist_slice.npz"), "validation": 400}
        if "range_test" in content:
            # Of few images an epoch has few steps.
            content["range_test"] |= {"epochs": 30, "seeds": 2}
    content["search_space"]["step_size_factor"] = [1, 2]  # what four epochs hold
    if "comparison" in content:
        content["comparison"] |= {"finalists": 1, "finalist_seeds": 1, "seeds": 2}
    written = place.write_sweep(content, file.name)
    place.sweep("run", str(written), "--trials", "2", "--epochs", "4", status=0)
    runs = [run.data.tags["clr_sweep.study"] for run in place.runs_of_kind("trial")]
    assert runs.count(content["name"]) == 2
    assert {run.info.status for run in place.runs_of_kind("baseline")} == {"FINISHED"}
