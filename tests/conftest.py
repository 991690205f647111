"""What the tests of whole runs share: folders to run in, and sweeps that have been run once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings
from real_runs import Place

from clr_sweep.common import secrets

# A busy machine is slow; how long an example takes says nothing of what is tested.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


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
    done = place.sweep("run", str(file))
    assert done.process.returncode == 0, done.output
    return place
