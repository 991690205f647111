"""Whole sweeps whose stores' addresses hold secrets: all that they print and write is searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from database_servers import Server, running
from real_runs import Place
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

# Alone they would be found in no file by chance.
IN_STORAGE, IN_KEY, IN_TRACKER = "s3cr3t/of@storage", "s3cr3tOfKey", "s3cr3tOfTracker"
TELLTALE = "s3cr3t"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """PostgreSQL, which asks nobody who comes through its socket for a password."""
    with running("postgresql") as made:
        yield made


def found_in(folder: Path) -> list[str]:
    """The files below that hold a secret."""
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and TELLTALE.encode() in file.read_bytes()
    ]


def test_a_sweep_tells_no_secret(places: Callable[..., Place], server: Server) -> None:
    """Of its storage and its tracker: output, logs, both databases, artifacts, exported files."""
    place = places("telling")
    tracker, uri = place.start_server()
    place.environment["MLFLOW_TRACKING_URI"] = uri.replace("//", f"//me:{IN_TRACKER}@")
    parsed = make_url(server.url("studies")).set(password=IN_STORAGE)
    url = parsed.update_query_dict({"sslpassword": IN_KEY}).render_as_string(False)
    place.write_held_sweep(2, epochs=2)
    place.spoil(2)  # a traceback
    file = str(place.folder / "t.yaml")
    ran = place.sweep("run", file, "--storage", url)
    assert "View run" not in ran.output  # MLflow's own lines between ours
    place.sweep("export", "tiny", "--storage", url, "-o", "best.yaml")
    assert (place.folder / "best.yaml").exists(), ran.output
    place.sweep("doctor", "--storage", url, status=0)
    # Its tag holds no secret, so the storage has to be named.
    run_id = next(iter(place.runs_of_kind("sweep"))).info.run_id
    place.sweep("export", run_id)
    tracker.process.terminate()
    tracker.wait()
    # The tracker is away.
    assert "cannot be used" in place.sweep("run", file, "--storage", url).output
    with server.engine("studies").connect() as connection:
        for table in inspect(connection).get_table_names():
            rows = connection.execute(text(f'SELECT * FROM "{table}"')).all()
            assert TELLTALE not in repr(rows), table
    assert found_in(place.folder) == []


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:s3cr3t/a@127.0.0.1:9/x",
        "postgresql://me:p@127.0.0.1:9/x?password=s3cr3t",
        "postgresql://127.0.0.1:9/x?user=me&sslpassword=s3cr3t",
        "http://me:s3cr3t@127.0.0.1:9",
        "nosuch://me:s3cr3t#@127.0.0.1:9/x",
    ],
)
def test_stores_that_cannot_be_used(places: Callable[..., Place], address: str) -> None:
    """As the tracker and as the storage: the refusal names it without its secret."""
    place = places("unusable", MLFLOW_TRACKING_URI=address)
    file = str(place.write_sweep())
    assert place.sweep("run", file).process.returncode in (1, 2)
    del place.environment["MLFLOW_TRACKING_URI"]
    refused = place.sweep("run", file, "--storage", address)
    assert refused.process.returncode in (1, 2)
    assert "Traceback" not in refused.output
    assert found_in(place.folder) == []


def test_a_storage_under_mlflow_run(places: Callable[..., Place]) -> None:
    """MLflow has written it into the run's parameters: said, with the cure."""
    place = places("under", MLFLOW_RUN_ID="0" * 32)
    url = "postgresql://me:s3cr3t@127.0.0.1:9/x"
    refused = place.sweep("run", str(place.write_sweep()), "--storage", url, status=2)
    assert f"mlflow runs delete --run-id {'0' * 32}" in refused.output
    assert found_in(place.folder) == []
