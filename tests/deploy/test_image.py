"""The image: its stages, the files it copies, and that all files speak of the same versions."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
import venv
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from deployed import Object, containers, dockerfile, end_all, named
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from real_runs import PROJECT, definition
from slurm_clusters import free_port

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTRUCTIONS = {"FROM", "ARG", "WORKDIR", "COPY", "RUN", "USER", "ENV"}


def arguments() -> dict[str, str]:
    """What may be given to the build, with the defaults."""
    given = (rest.partition("=") for word, rest in dockerfile() if word == "ARG")
    return {name: default.strip('"') for name, _, default in given}


def extras_in_image() -> set[str]:
    (extras,) = re.findall(r"\*\.whl\)\[([\w,]+)\]", " ".join(rest for _, rest in dockerfile()))
    return set(extras.split(","))


def test_instructions_are_known() -> None:
    assert {word for word, _ in dockerfile()} <= INSTRUCTIONS


def test_stages_are_of_the_tested_python() -> None:
    """And the stage that files are copied from is there."""
    stages = [rest.split() for word, rest in dockerfile() if word == "FROM"]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert [stage[0] for stage in stages] == [f"python:{version}-slim"] * 2
    assert SpecifierSet(PYPROJECT["requires-python"]).contains(version)
    assert any(item.endswith(f":: {version}") for item in PYPROJECT["classifiers"])
    names = {stage[2] for stage in stages if "AS" in stage}
    copied = {m[1] for _, rest in dockerfile() if (m := re.match(r"--from=(\w+)", rest))}
    assert copied == names


def test_what_is_copied_is_there() -> None:
    """And it is all that a wheel is built from."""
    copied = [rest.split() for word, rest in dockerfile() if word == "COPY" and "--" not in rest]
    sources = [source for *given, _ in copied for source in given]
    for source in sources:
        assert (PROJECT / source).exists(), source
    needed = {"pyproject.toml", PYPROJECT["readme"], *PYPROJECT["license-files"], "clr_sweep"}
    links = {
        path.resolve().relative_to(PROJECT).parts[0]
        for path in (PROJECT / "clr_sweep").rglob("*")
        if path.is_symlink()
    }
    assert links == {"sweeps"}
    assert set(sources) == needed | links


def test_ray_is_the_tested_one() -> None:
    """In the image, in the RayJob, and in this environment."""
    version = arguments()["RAY_VERSION"]
    assert version == metadata.version("ray")
    assert version == named("RayJob", "sweep")["spec"]["rayClusterSpec"]["rayVersion"]
    extras = PYPROJECT["optional-dependencies"]
    asked = [Requirement(text) for text in extras["ray"]]
    assert all(one.specifier.contains(version) for one in asked if one.name == "ray")


def test_extras_exist() -> None:
    assert extras_in_image() == {"ray", "postgresql"}
    assert extras_in_image() <= set(PYPROJECT["optional-dependencies"])


def test_pods_run_this_image_as_its_user() -> None:
    """One image of this version, whose user is that of the pods."""
    ours = {one["image"] for one in containers() if "clr-sweep" in one["image"]}
    assert ours == {f"registry.example.org/clr-sweep:{PYPROJECT['version']}"}
    (user,) = (rest for word, rest in dockerfile() if word == "USER")
    job = named("RayJob", "sweep")["spec"]
    cluster = job["rayClusterSpec"]
    templates = [
        job["submitterPodTemplate"],
        cluster["headGroupSpec"]["template"],
        *(group["template"] for group in cluster["workerGroupSpecs"]),
        named("Deployment", "mlflow")["spec"]["template"],
    ]
    assert {one["spec"]["securityContext"]["runAsUser"] for one in templates} == {int(user)}
    assert any(f"useradd --uid {user} " in rest for word, rest in dockerfile() if word == "RUN")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment in which the image's lines that build and install were run."""
    folder = tmp_path_factory.mktemp("image")
    home = folder / "venv"
    venv.create(home, with_pip=True)
    (build,) = (rest for _, rest in dockerfile() if rest.startswith("pip wheel"))
    (install,) = (rest for _, rest in dockerfile() if rest.startswith("pip install"))
    for line in (build, install):
        run(line.replace("/wheels", str(folder / "wheels")), home, **arguments())
    return home


@pytest.mark.wheel
@pytest.mark.timeout(1800)
def test_what_the_image_installs(installed: Path) -> None:
    """The programs that pods run are there, of the versions that the files name."""
    for command in ("clr-sweep --version", "mlflow --version", "ray job submit --help"):
        assert run(command, installed)
    run("python -c 'import psycopg, tensorflow, keras'", installed)
    assert arguments()["RAY_VERSION"] in run("ray --version", installed)


@pytest.mark.wheel
@pytest.mark.timeout(1800)
def test_the_ray_job_runs(installed: Path, tmp_path: Path) -> None:
    """Its command, submitted to a head and a node that are started with their parameters."""
    cluster = named("RayJob", "sweep")["spec"]["rayClusterSpec"]
    head, (group,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    studies = tmp_path / "studies"
    studies.mkdir()
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(definition(trials=2, jobs=None)))
    entrypoint = named("RayJob", "sweep")["spec"]["entrypoint"]
    for theirs, ours in {
        "--chdir=/studies": f"--chdir={studies}",
        "/sweep/sweep.yaml": str(tmp_path / "sweep.yaml"),
        "--storage postgresql://clr_sweep@postgresql/optuna": "--storage sqlite:///optuna.db",
    }.items():
        assert theirs in entrypoint
        entrypoint = entrypoint.replace(theirs, ours)
    port, dashboard = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as scratch:
        given = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0f" * 32, "RAY_TMPDIR": scratch}
        given["CLR_SWEEP_TESTS"] = scratch  # marks what was started
        agent = "--dashboard-agent-listen-port=0"
        submit = f"ray job submit --address http://127.0.0.1:{dashboard}"
        try:
            run(
                f"ray start --head --port={port} --dashboard-port={dashboard} {agent} "
                f"{parameters(head)}", installed, **given,
            )  # fmt: skip
            run(
                f"ray start --address=127.0.0.1:{port} --num-cpus=2 {agent} {parameters(group)}",
                installed, **given,
            )  # fmt: skip
            told = run(f"{submit} -- {entrypoint}", installed, **given)
        finally:
            end_all("CLR_SWEEP_TESTS", scratch)
    assert re.search(r"2 at once on the Ray cluster at .* \(2 nodes\)", told), told
    assert "2 trials: 2 complete" in told
    assert (studies / "trials" / "tiny" / "0001" / "result.json").exists()


def parameters(group: Object) -> str:
    """A group's parameters as KubeRay gives them to `ray start`."""
    return " ".join(f"--{name}={value}" for name, value in group["rayStartParams"].items())


def run(line: str, home: Path, **variables: str) -> str:
    """A line of a shell, with the programs of the environment."""
    environment = {"PATH": f"{home / 'bin'}:/usr/bin:/bin", "HOME": str(home), **variables}
    done = subprocess.run(
        ["sh", "-c", f"cd {shlex.quote(str(PROJECT))} && {line}"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
