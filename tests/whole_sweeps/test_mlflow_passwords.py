"""An MLflow server that asks for a name and a password: given in every way, and never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow_servers
import pytest
from mlflow_servers import ADMIN, ADMIN_PASSWORD, PATIENT, MlflowServer
from real_runs import Place, assert_whole

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

WRONG = "s3cr3tThatIsWrong"
TELLTALE = b"s3cr3t"
# Of the server's own: who may come in.
OF_USERS = ("users.ini", "users.db")


@pytest.fixture(scope="module")
def server() -> Iterator[MlflowServer]:
    with mlflow_servers.running(with_users=True) as made:
        yield made


def asking(server: MlflowServer, place: Place, password: str = ADMIN_PASSWORD) -> Place:
    """A place whose environment holds the server, a name and a password."""
    place.environment |= {
        **PATIENT,
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_TRACKING_USERNAME": ADMIN,
        "MLFLOW_TRACKING_PASSWORD": password,
    }
    place.store = server.store
    return place


def within(server: MlflowServer, user: str, password: str) -> str:
    """The server's address with a name and a password in it."""
    return server.url.replace("//", f"//{user}:{password}@")


def assert_none_is_told(*folders: Path) -> None:
    """In all that was written: outputs, logs, databases, artifacts, exported files, reports."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert files
    assert [
        str(file) for file in files if file.name not in OF_USERS and TELLTALE in file.read_bytes()
    ] == []


def test_in_an_address(places: Callable[..., Place], server: MlflowServer) -> None:
    """Of the environment: the sweep and all commands on it work, through a failure too."""
    uri = within(server, ADMIN, ADMIN_PASSWORD)
    place = places("address", MLFLOW_TRACKING_URI=uri, **PATIENT)
    place.store = server.store
    file = str(place.write_held_sweep(2, epochs=2))
    place.spoil(2)  # a traceback
    place.sweep("run", file)
    place.sweep("export", "tiny", "-o", "best.yaml", status=0)
    place.sweep("report", "tiny", status=0)
    place.sweep("train", "best.yaml", status=0)
    assert place.sweep("doctor", status=0).output == "study tiny: all is well\n"
    place.sweep("ui", status=0)
    (run,) = place.runs_of_kind("train")
    place.client.delete_run(run.info.run_id)
    assert_whole(place, 2, failed=1)
    assert_none_is_told(place.folder, server.folder)
    for run in place.runs():
        place.client.delete_run(run.info.run_id)


def test_in_an_option(places: Callable[..., Place], server: MlflowServer) -> None:
    """The study keeps the address without it; which is said when another command needs it."""
    place = places("option", **PATIENT)
    place.store = server.store
    uri = within(server, ADMIN, ADMIN_PASSWORD)
    place.sweep("run", str(place.write_sweep()), "--tracking-uri", uri, status=0)
    assert_whole(place, 2)
    refused = place.sweep("doctor", status=1)
    assert (
        f"the MLflow store {within(server, ADMIN, '***')} cannot be used: study 'tiny' keeps its "
        "address without the password: name it with --tracking-uri or in MLFLOW_TRACKING_URI"
    ) in refused.output
    assert place.sweep("doctor", "--tracking-uri", uri).output == "study tiny: all is well\n"
    assert asking(server, place).sweep("doctor").output == "study tiny: all is well\n"
    assert_none_is_told(place.folder, server.folder)


@pytest.mark.parametrize("way", ["variables", "address", "nothing"])
def test_a_wrong_one(places: Callable[..., Place], server: MlflowServer, way: str) -> None:
    """Refused before anything is loaded, with the cure."""
    place = asking(server, places("wrong"), WRONG)
    if way != "variables":
        del place.environment["MLFLOW_TRACKING_USERNAME"]
        del place.environment["MLFLOW_TRACKING_PASSWORD"]
    if way == "address":
        place.environment["MLFLOW_TRACKING_URI"] = within(server, ADMIN, WRONG)
    refused = place.sweep("run", str(place.write_sweep()), status=1)
    assert "cannot be used: it asks for a name and a password, and takes none" in refused.output
    assert "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in refused.output
    assert "loading" not in refused.output
    assert_none_is_told(place.folder)
