"""What the tests of whole runs share: folders to run in, and sweeps that have been run once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import mlflow_tables
import pytest
from hypothesis import HealthCheck, settings
from real_runs import Place

from clr_sweep.common import secrets

# A busy machine is slow; how long an example takes says nothing of what is tested.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")

# The files that take longest, the longest first: one that came last would leave a core idle.
LONGEST = (
    "test_everything_dies", "test_killed_mlflow_servers", "test_object_storage", "test_ray_sweeps",
    "test_slurm", "test_scaling_commands", "test_mlflow_ui", "test_failures", "test_crashes",
    "test_wheel", "test_range_stage",
    "test_run_benchmarks", "test_moved_study", "test_enqueued_by_hand", "test_slow_trackers",
    "test_interruption", "test_trial_runs", "test_refused_models", "test_docs_sweep_file",
    "test_mlflow_project_stops", "test_mlflow_project_git", "test_mlflow_project",
    "test_metric_sweeps", "test_leftovers_of_sweeps", "test_lost_locks", "test_server_takeovers",
    "test_progress_terminal",
    "test_secrets_of_sweeps", "test_backend_of_sweeps", "test_checkpoint_kills", "test_checkpoint",
    "test_doctor", "test_doctor_mlflow", "test_first_imports", "test_parent_run",
    "test_export_and_train", "test_checkpoint_damage", "test_momentum_cycle",
    "test_model_signatures", "test_trial", "test_sampling", "test_jobs", "test_state",
    "test_trial_scoring", "test_storage_locks", "test_loop", "test_backends", "test_kills",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


@pytest.fixture(autouse=True, scope="session")
def mlflow_tables_are_remembered() -> None:
    mlflow_tables.remember()


@pytest.fixture(autouse=True)
def secrets_are_forgotten() -> Iterator[None]:
    """What one test's address hides is not hidden from the texts that the next one reads."""
    before = set(secrets._remembered)
    yield
    secrets._remembered.clear()
    secrets._remembered.update(before)


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Place]]:
    """Makes folders to run sweeps in; what still runs there at the end is ended."""
    made: list[Place] = []

    def make(name: str, **environment: str) -> Place:
        made.append(Place(tmp_path_factory.mktemp(name), **environment))
        return made[-1]

    yield make
    for place in made:
        place.close()


@pytest.fixture(scope="session")
def finished(places: Callable[..., Place]) -> Place:
    """A place with a study of two trials that ran to its end without a disturbance."""
    place = places("finished")
    file = place.write_sweep()
    place.sweep("run", str(file), status=0)
    return place
