"""The files for Kubernetes: what their objects hold, and that they name one another rightly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from deployed import Object, containers, named, objects, pod_templates, pods
from documentation import text_of
from real_runs import PROJECT

# That of the schemas; deploy/README.md names it.
KUBERNETES_VERSION = "1.34"
FIELDS = yaml.safe_load((Path(__file__).parent / "kuberay_fields.yaml").read_text())
KINDS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def ids(content: Object) -> str:
    return f"{content['kind']}-{content['metadata']['name']}"


def validate(content: Mapping[str, Any]) -> None:
    """Against the schema of Kubernetes; a key that it does not know is an error."""
    assert kubernetes_validate.validate(dict(content), KUBERNETES_VERSION, strict=True) == "1.34"


@pytest.mark.parametrize(
    "content", [o for o in objects() if "ray.io" not in o["apiVersion"]], ids=ids
)
def test_an_object_of_kubernetes_own_is_valid(content: Object) -> None:
    validate(content)


@pytest.mark.parametrize("content", objects(), ids=ids)
def test_pods_are_valid(content: Object) -> None:
    """The pod templates, as pods: those of KubeRay's objects too."""
    for template in pod_templates(content):
        metadata = {"name": "a-pod", **template.get("metadata", {})}
        validate(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        )


def test_an_unknown_key_is_seen() -> None:
    """Of a pod, and of KubeRay's objects: the tests above and below look at something."""
    pod = {"metadata": {"name": "a-pod"}, "spec": {"containers": [{"name": "a", "img": "b"}]}}
    with pytest.raises(kubernetes_validate.ValidationError, match="img"):
        validate({"apiVersion": "v1", "kind": "Pod", **pod})
    assert problems("RayJobSpec", {"entryPoint": "true"}) == ["RayJobSpec: no key entryPoint"]
    assert problems("RayJobSpec", {"suspend": "no"}) == ["RayJobSpec.suspend: no boolean"]


def test_the_ray_job_has_only_keys_of_kuberays() -> None:
    """With values of their kinds."""
    job = named("RayJob", "sweep")
    assert job["apiVersion"] == "ray.io/v1"
    assert set(job) == {"apiVersion", "kind", "metadata", "spec"}
    assert problems("RayJobSpec", job["spec"]) == []


def problems(kind: Any, value: Any, place: str = "") -> list[str]:
    """What is wrong with a value of a kind of kuberay_fields.yaml."""
    place = place or str(kind)
    if isinstance(kind, list):
        return [text for one in value for text in problems(kind[0], one, place)]
    if kind in FIELDS:
        unknown = [f"{place}: no key {key}" for key in value if key not in FIELDS[kind]]
        known = [key for key in value if key in FIELDS[kind]]
        return unknown + [
            text
            for key in known
            for text in problems(FIELDS[kind][key], value[key], f"{kind}.{key}")
        ]
    if kind == "pod template":  # Kubernetes' own, see test_pods_are_valid
        return []
    if kind == "texts":
        wrong = [key for key, text in value.items() if not isinstance(text, str)]
        return [f"{place}.{key}: no text" for key in wrong]
    is_other = kind != "boolean" and isinstance(value, bool)
    return [] if isinstance(value, KINDS[kind]) and not is_other else [f"{place}: no {kind}"]


# ---- what names what


def test_all_is_in_one_namespace() -> None:
    found = {o["metadata"].get("namespace") for o in objects() if o["kind"] != "Namespace"}
    assert found == {named("Namespace", "clr-sweep")["metadata"]["name"]}


@pytest.mark.parametrize("content", [o for o in objects() if o["kind"] == "Service"], ids=ids)
def test_a_service_finds_its_pods(content: Object) -> None:
    """By their labels, which one workload has, and its ports by their names."""
    selector = content["spec"]["selector"]
    found = [
        template
        for template in pods()
        if selector.items() <= template.get("metadata", {}).get("labels", {}).items()
    ]
    (pod,) = found
    open_ports = {
        port["name"]: port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container["ports"]
    }
    for port in content["spec"]["ports"]:
        assert open_ports[port["targetPort"]] == port["port"]


@pytest.mark.parametrize(
    "content", [o for o in objects() if o["kind"] in ("Deployment", "StatefulSet")], ids=ids
)
def test_a_workload_selects_its_own_pods(content: Object) -> None:
    labels = content["spec"]["template"]["metadata"]["labels"]
    assert content["spec"]["selector"]["matchLabels"].items() <= labels.items()
    if "serviceName" in content["spec"]:
        assert named("Service", content["spec"]["serviceName"])


def test_volumes_are_there() -> None:
    """Each that is mounted is the pod's, and each claim and config map one of these files."""
    made_by_hand = {"sweep"}  # README.md and docs/scaling.md say how
    for content in objects():
        claimed = (
            {one["metadata"]["name"] for one in content["spec"].get("volumeClaimTemplates", [])}
            if "spec" in content
            else set()
        )
        for pod in pod_templates(content):
            volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
            mounted = {
                mount["name"]
                for container in pod["spec"]["containers"]
                for mount in container.get("volumeMounts", [])
            }
            assert mounted == set(volumes) | claimed
            for volume in volumes.values():
                if claim := volume.get("persistentVolumeClaim"):
                    assert named("PersistentVolumeClaim", claim["claimName"])
                if (config := volume.get("configMap")) and config["name"] not in made_by_hand:
                    assert named("ConfigMap", config["name"])
    commands = text_of(PROJECT / "docs" / "scaling.md")
    for name in made_by_hand:
        assert f"create configmap {name} " in commands


def test_the_studies_volume_is_for_many_nodes() -> None:
    """Every Ray node has it under the same path, and the sweep is started there."""
    claim = named("PersistentVolumeClaim", "studies")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    cluster = named("RayJob", "sweep")["spec"]["rayClusterSpec"]
    nodes = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    paths = {
        mount["mountPath"]
        for node in nodes
        for mount in node["template"]["spec"]["containers"][0]["volumeMounts"]
        if mount["name"] == "studies"
    }
    assert paths == {"/studies"}
    assert "--chdir=/studies " in named("RayJob", "sweep")["spec"]["entrypoint"]


def test_no_file_holds_a_secret() -> None:
    """Each variable of a password or a user refers to the secret, and to keys that pages name."""
    keys = set()
    for container in containers():
        for variable in container.get("env", []):
            if re.search("PASSWORD|USERNAME|TOKEN", variable["name"]):
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference["name"] == "clr-sweep"
                keys.add(reference["key"])
    assert keys == {"postgres-password", "mlflow-username", "mlflow-password"}
    assert not any(o["kind"] == "Secret" for o in objects())
    for key in keys:
        assert f"`{key}`" in text_of(PROJECT / "deploy" / "README.md")
    for file in (PROJECT / "deploy").rglob("*.yaml"):
        assert not re.search(r"://[^/@\s]*:[^/@\s]+@", text_of(file)), file


def test_addresses_name_the_services() -> None:
    """The hosts, ports, users and databases by which the parts speak to each other."""
    postgresql = named("StatefulSet", "postgresql")["spec"]["template"]["spec"]["containers"][0]
    made = {one["name"]: one.get("value") for one in postgresql["env"]}
    databases = {made["POSTGRES_DB"]}
    scripts = named("ConfigMap", "postgresql-init")["data"]
    databases |= set(re.findall(r"CREATE DATABASE (\w+);", scripts["mlflow.sql"]))
    texts = " ".join(argument for one in containers() for argument in one.get("args", []))
    texts += " " + named("RayJob", "sweep")["spec"]["entrypoint"]
    found = re.findall(r"postgresql(?:\+psycopg)?://(\w+)@([\w-]+)(?::(\d+))?/(\w+)", texts)
    assert {database for *_, database in found} == databases
    for user, host, port, _ in found:
        assert user == made["POSTGRES_USER"]
        assert int(port or 5432) in ports_of(host)
    probes = [postgresql[probe]["exec"]["command"] for probe in ("readinessProbe", "livenessProbe")]
    for probe in probes:
        assert f"--username={made['POSTGRES_USER']}" in probe
        assert f"--dbname={made['POSTGRES_DB']}" in probe
    uris = {
        variable["value"]
        for container in containers()
        for variable in container.get("env", [])
        if variable["name"] == "MLFLOW_TRACKING_URI"
    }
    (uri,) = uris
    _, host, port = re.split(r"://|:", uri)
    assert int(port) in ports_of(host)


def ports_of(service: str) -> set[int]:
    return {port["port"] for port in named("Service", service)["spec"]["ports"]}


# ---- pods that ask for little


def test_pods_run_as_nobody_special() -> None:
    """Not as root, without rights, with seccomp, with what they need and may take."""
    for pod in pods():
        context = pod["spec"]["securityContext"]
        assert context["runAsNonRoot"]
        assert context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["spec"]["automountServiceAccountToken"] is False
    for container in containers():
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


def test_servers_say_when_they_are_ready() -> None:
    """PostgreSQL's and MLflow's; of Ray's nodes KubeRay asks."""
    for content in objects():
        if content["kind"] in ("Deployment", "StatefulSet"):
            for container in content["spec"]["template"]["spec"]["containers"]:
                assert {"readinessProbe", "livenessProbe"} <= set(container)
