"""The files below deploy/, read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import psutil
import requests
import yaml
from real_runs import PROJECT

DEPLOY = PROJECT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
SLURM_JOB = DEPLOY / "slurm" / "sweep.sbatch"
DOCKERFILE = KUBERNETES / "Dockerfile"

Object = Mapping[str, Any]


def objects() -> list[Object]:
    """The objects of all files for Kubernetes."""
    return [
        content
        for file in sorted(KUBERNETES.glob("*.yaml"))
        for content in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    ]


def named(kind: str, name: str) -> Object:
    """The object of a kind and a name, of which there is one."""
    (found,) = (o for o in objects() if (o["kind"], o["metadata"]["name"]) == (kind, name))
    return found


def pod_templates(content: Object) -> Iterator[Object]:
    """Those of an object, in whatever depth."""
    if "template" in content and "spec" in content["template"]:
        yield content["template"]
    for key, inner in content.items():
        if key == "submitterPodTemplate":
            yield inner
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, Mapping) and key != "template":
                yield from pod_templates(one)


def pods() -> list[Object]:
    """All pod templates."""
    return [template for content in objects() for template in pod_templates(content)]


def containers() -> list[Object]:
    """The containers of all pods."""
    return [container for pod in pods() for container in pod["spec"]["containers"]]


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile: a word and its rest, which may be of several lines."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [
        (word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in joined)
    ]


def answers(url: str, host: str | None = None) -> bool:
    """Whether a server answers with success.

    Args:
        host: by which it is asked for; None: that of the address.
    """
    try:
        found = requests.get(url, headers={"Host": host} if host else {}, timeout=10)
    except requests.RequestException:
        return False
    return found.ok


def end_all(variable: str, value: str) -> None:
    """Kill the processes that have this in their environment, daemons too."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(variable) == value:
                process.kill()
