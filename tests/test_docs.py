"""The documentation is held against the code: what it names exists, what it shows runs."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml
from pydantic import BaseModel
from real_runs import DATA, PROJECT, Place

from clr_sweep.cli import main
from clr_sweep.config import Sweep
from clr_sweep.dimensions import Range, RatioRange
from clr_sweep.optimizers import OPTIMIZERS
from clr_sweep.plan import cycle_warnings
from clr_sweep.readable_values import fields_in_file
from clr_sweep.search_space import SCHEDULE_KEYS
from clr_sweep.sweep_file import load_sweep
from clr_sweep.tracking import tags

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("**/*.md")])
SWEEPS = sorted((PROJECT / "sweeps").glob("*.yaml"))
GUIDE, SWEEP_FILE, SCHEDULES = (
    PROJECT / "docs" / name for name in ("guide.md", "sweep-file.md", "schedules.md")
)
# Keras 3.15 reads TensorFlow's variables by an __array__ that NumPy 2.4 wants changed.
keras_on_numpy = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


def text_of(page: Path) -> str:
    """A page's text."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The fenced blocks of a language: the line each starts at, and its text."""
    text = text_of(page)
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, m.start(1)), m.group(1)) for m in fence.finditer(text)]


def without_blocks(page: Path) -> str:
    """A page's text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def relative(paths: list[Path]) -> Any:
    """Parameters of a test, each named by its path in the repository."""
    return [pytest.param(path, id=str(path.relative_to(PROJECT))) for path in paths]


# ---- commands, options, names


def commands() -> dict[str, click.Command]:
    """The commands of the command line by name."""
    return dict(main.commands)


def options_of(command: click.Command) -> set[str]:
    """Every way to write an option of a command."""
    with click.Context(command) as context:
        return {
            word
            for param in command.get_params(context)
            if isinstance(param, click.Option)
            for word in (*param.opts, *param.secondary_opts)
        }


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_documented(name: str) -> None:
    """Each command and each of its options stands in the guide, and has help text."""
    command = commands()[name]
    text = text_of(GUIDE)
    assert f"clr-sweep {name}" in text
    row = re.search(rf"^\| `clr-sweep {name}[ `].*$", text, re.MULTILINE)
    assert row, f"no row for {name} in the table of commands"
    assert command.help
    for word in options_of(command) - {"-h", "--help"}:
        assert re.search(rf"{word}(?![\w-])", row[0]), f"{name} {word} is not in the guide"
    for param in command.params:
        if isinstance(param, click.Option) and param.name not in ("host", "port"):
            assert param.help, f"{name} --{param.name} has no help"


def test_options_of_the_program_are_documented() -> None:
    """`--version`, `--help` and `-h` stand in the guide."""
    for word in options_of(main):
        assert f"`{word}`" in text_of(GUIDE) or f"clr-sweep {word}" in text_of(GUIDE), word


def test_every_parameter_of_mlflow_run_is_documented() -> None:
    """The parameters of the project's entry points stand in the guide."""
    project = yaml.safe_load((PROJECT / "MLproject").read_text(encoding="utf-8"))
    for entry in project["entry_points"].values():
        for name in entry["parameters"]:
            assert re.search(rf"`{name}`|-P {name}=", text_of(GUIDE)), name


def shown_commands() -> Iterator[Any]:
    """The lines of all pages' blocks that start clr-sweep or mlflow run."""
    line = re.compile(r"^(?:\$ )?((?:\w+=\S+ )*(?:clr-sweep|mlflow run) .*)$", re.MULTILINE)
    for page in PAGES:
        for start, block in [*blocks(page, "bash"), *blocks(page, "sh"), *blocks(page, "text")]:
            for match in line.finditer(block):
                at = start + block.count("\n", 0, match.start()) + 1
                yield pytest.param(match[1], id=f"{page.relative_to(PROJECT)}:{at}")


@pytest.mark.parametrize("line", shown_commands())
def test_commands_that_pages_show_exist(line: str) -> None:
    """A command in a block has a name, options and parameters that there are."""
    words = shlex.split(line, comments=True)
    while "=" in words[0]:
        words.pop(0)
    if words[0] == "mlflow":
        project = yaml.safe_load((PROJECT / "MLproject").read_text(encoding="utf-8"))
        entry = words[words.index("-e") + 1] if "-e" in words else "main"
        known = project["entry_points"][entry]["parameters"]
        given = [b.partition("=")[0] for a, b in pairwise(words) if a == "-P"]
        assert set(given) <= set(known), line
        return
    known = options_of(main) if words[1].startswith("-") else options_of(commands()[words[1]])
    given = [word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)]
    assert set(given) <= known, line


def test_every_environment_variable_is_documented() -> None:
    """Each variable of our own that the code reads stands in the guide's table."""
    source = "\n".join(text_of(file) for file in (PROJECT / "clr_sweep").rglob("*.py"))
    found = set(re.findall(r'"(CLR_SWEEP_[A-Z_]+)"', source))
    assert found
    for name in (*found, "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        assert f"| `{name}` |" in text_of(GUIDE), name


def test_every_tag_and_state_is_documented() -> None:
    """Scripts search by the tags: each stands in the guide, and so does each state."""
    constants = {name: value for name, value in vars(tags).items() if name.isupper()}
    ours = [value for value in constants.values() if str(value).startswith("clr_sweep.")]
    assert ours
    for value in (*ours, *tags.STATUS_OF_STATE):
        assert f"`{value}`" in text_of(GUIDE), value
    for status in tags.STATUS_OF_STATE.values():
        assert status in text_of(GUIDE)


# ---- the sweep file


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
        if not inside or name == "optimizer":
            yield prefix + name
        for section in inside:
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
    for section in sections:
        model = next(models_in(fields_in_file(model)[section].annotation))
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


def whole_sweeps() -> Iterator[Any]:
    """The blocks of all pages that are whole sweep files."""
    for page in PAGES:
        for line, block in blocks(page, "yaml"):
            content = yaml.safe_load(block)
            if isinstance(content, dict) and {"name", "search_space"} <= set(content):
                yield pytest.param(block, id=f"{page.relative_to(PROJECT)}:{line}")


def search_spaces() -> Iterator[Any]:
    """The blocks of the sweep file's page that show a search space alone."""
    for line, block in blocks(SWEEP_FILE, "yaml"):
        content = yaml.safe_load(block)
        if isinstance(content, dict) and set(content) == {"search_space"}:
            yield pytest.param(block, id=f"sweep-file.md:{line}")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with what the pages' sweeps name: a data file, and modules with functions."""
    shutil.copy(DATA / "fashion_mnist_slice.npz", tmp_path / "my_data.npz")
    (tmp_path / "my_model.py").write_text("def build(input_shape, classes):\n    ...\n")
    (tmp_path / "rings.py").write_text("def data(): ...\ndef network(): ...\n")
    return tmp_path


@pytest.mark.parametrize("block", whole_sweeps())
def test_whole_sweeps_on_pages_load(block: str, beside: Path) -> None:
    """A whole sweep file that a page shows is valid, and its trials end at troughs."""
    file = beside / "sweep.yaml"
    file.write_text(block, encoding="utf-8")
    assert cycle_warnings(load_sweep(file)) == []


@pytest.mark.parametrize("block", search_spaces())
def test_search_spaces_on_pages_load(block: str, tmp_path: Path) -> None:
    """A search space that the sweep file's page shows is valid in a sweep."""
    file = tmp_path / "sweep.yaml"
    rest = """
        name: shown
        dataset: {name: fashion_mnist}
        model: {name: tutorial_cnn}
        training: {epochs: 16}
    """
    file.write_text(textwrap.dedent(rest) + block, encoding="utf-8")
    assert load_sweep(file).search_space.init_lr is not None


# ---- links


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", without_blocks(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
    return set(found)


def links() -> Iterator[Any]:
    """The relative links of all pages."""
    for page in PAGES:
        targets = re.findall(r"\]\(\s*<?([^)>\s]+)>?[^)]*\)", without_blocks(page))
        for target in dict.fromkeys(targets):
            if not re.match(r"[a-z]+:", target):
                yield pytest.param(page, target, id=f"{page.relative_to(PROJECT)}-{target}")


@pytest.mark.parametrize(("page", "target"), links())
def test_links_resolve(page: Path, target: str) -> None:
    """A relative link leads to a file of the repository, and its anchor to a heading there."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    assert file.exists(), f"{page.name} links to {path}, which is not there"
    assert file.is_relative_to(PROJECT.resolve())
    if anchor:
        assert anchor in anchors(file), f"{file.name} has no heading for #{anchor}"


def test_links_are_found() -> None:
    """The test above looks at something, and knows headings with code and punctuation."""
    assert any(links())
    assert {"mlflow-run", "read-a-study-in-mlflow"} <= anchors(GUIDE)
    assert "where-trials-end-objectiveat" in anchors(SWEEP_FILE)


# ---- code


def run_blocks(page: Path, namespace: dict[str, Any]) -> int:
    """Run a page's Python blocks in their order; errors name the page and its line."""
    found = blocks(page, "python")
    for line, block in found:
        exec(compile("\n" * line + block, str(page), "exec"), namespace)
    return len(found)


@keras_on_numpy
def test_the_code_of_the_schedules_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The examples of the schedules' page run one after the other, as a reader would run them."""
    monkeypatch.chdir(tmp_path)
    assert run_blocks(SCHEDULES, {"__name__": "schedules_page"}) > 5
    assert (tmp_path / "cyclical.keras").exists()


@keras_on_numpy
def test_the_code_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of the README run."""
    monkeypatch.chdir(tmp_path)
    assert run_blocks(PROJECT / "README.md", {"__name__": "readme"})


@pytest.fixture(scope="module")
def rings(places: Callable[..., Place]) -> Place:
    """The guide's example of one's own data and model, written out and run."""
    place = places("rings")
    (code,) = (block for _, block in blocks(GUIDE, "python") if "def network" in block)
    (sweep,) = (block for _, block in blocks(GUIDE, "yaml") if "rings:network" in block)
    (place.folder / "rings.py").write_text(code, encoding="utf-8")
    (place.folder / "rings.yaml").write_text(sweep, encoding="utf-8")
    done = place.sweep("run", "rings.yaml", "--jobs", "1")
    assert done.process.returncode == 0, done.output
    return place


def test_the_guides_own_model_trains(rings: Place) -> None:
    """The guide's data and model train, with what the search space gives to the model."""
    trials = rings.runs_of_kind("trial")
    assert len(trials) == 4
    assert {run.data.params["model.units"] for run in trials} <= {"8", "32"}
    assert "4 trials: 4 complete" in "\n".join(
        file.read_text() for file in rings.folder.glob("output-*.txt")
    )


def test_the_guides_code_loads_the_models(rings: Place) -> None:
    """The guide's code loads a logged model three ways, and the whole model from its folder."""
    loading = [block for _, block in blocks(GUIDE, "python") if "load_model" in block]
    best = rings.study("rings").best_trial.number
    code = "\n".join(loading).replace("/0003/", f"/{best:04d}/")
    code = re.sub(r"^(mlflow\.\w+\.load_model.*?)( *#.*)?$", r"print(\1)", code, flags=re.MULTILINE)
    code += "\nassert int(model.optimizer.iterations) == 200\nprint('all loaded')\n"
    (rings.folder / "loading.py").write_text(code, encoding="utf-8")
    done = rings.run(sys.executable, "loading.py")
    assert done.process.returncode == 0, done.output
    assert "all loaded" in done.output
    assert code.count("print(mlflow.") == 3


# ---- the sweeps that are shipped


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


@pytest.mark.heavy
@pytest.mark.parametrize("file", relative(SWEEPS))
def test_shipped_sweeps_run(file: Path, places: Callable[..., Place]) -> None:
    """A sweep, shrunk to two short trials on few images, runs to its end."""
    place = places(file.stem)
    for module in file.parent.glob("*.py"):
        shutil.copy(module, place.folder)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    if content["dataset"]["name"] == "fashion_mnist":
        content["dataset"] = {"name": str(DATA / "fashion_mnist_slice.npz"), "validation": 400}
    content["search_space"]["step_size_factor"] = [1, 2]  # what four epochs hold
    if "range_test" in content:
        # Of few images an epoch has few steps.
        content["range_test"] |= {"epochs": 30, "seeds": 2}
    written = place.write_sweep(content, file.name)
    done = place.sweep("run", str(written), "--trials", "2", "--epochs", "4")
    assert done.process.returncode == 0, done.output
    assert len(place.runs_of_kind("trial")) == 2
    assert {run.info.status for run in place.runs_of_kind("baseline")} == {"FINISHED"}
