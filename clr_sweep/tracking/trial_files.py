"""The files of a trial, written to where its run in MLflow keeps them."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from mlflow.entities import Run
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

from clr_sweep.tracking.trial_contents import artifacts
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord

# A tenth of the time of Python's own, where PyYAML was built with it; the same text.
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class TrialFiles:
    """Writes the files of trials into their runs.

    Before the first file of a run MLflow's client reads the run, all that it holds, to learn where
    its files are. Of a run that was made here that is known.
    """

    def __init__(self) -> None:
        self._places: dict[str, str] = {}

    def made(self, run: Run) -> None:
        """Remember where a new run keeps its files."""
        self._places[run.info.run_id] = run.info.artifact_uri

    def log(self, client: MlflowClient, run_id: str, record: TrialRecord) -> None:
        """Write the files of a trial that has ended; its model is no file of its run."""
        place = self._places.pop(run_id, None) or client.get_run(run_id).info.artifact_uri
        files = get_artifact_repository(place, tracking_uri=client.tracking_uri)
        for file, name in _files(record):
            files.log_artifact(str(file), posixpath.dirname(name) or None)
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "config.yaml")
            content = record.config.model_dump(mode="json")
            text = yaml.dump(content, Dumper=_Dumper, default_flow_style=False)
            config.write_text(text, encoding="utf-8")
            files.log_artifact(str(config))


def _files(record: TrialRecord) -> Iterator[tuple[Path, str]]:
    """Those of its folder, and what they are called in its run."""
    folder, names = TrialFolder(record.folder), artifacts(record)
    found = {
        "curves/curve.npz": folder.curve_file,
        "log.txt": folder.log_file,
        **{f"figures/{file.name}": file for file in sorted(folder.figures.glob("*.png"))},
    }
    yield from ((file, name) for name, file in found.items() if name in names)
