"""The best configuration as YAML: enough to train it again and to know where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, StrictStr

from clr_sweep.common.door import option
from clr_sweep.common.errors import InputError
from clr_sweep.definition.dimensions import Frozen
from clr_sweep.definition.loading import search_path
from clr_sweep.definition.passwords import password_problem
from clr_sweep.definition.problems import shown
from clr_sweep.definition.tracking_config import TrackingConfig
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.definition.validation import validated
from clr_sweep.definition.yaml_file import dump, read_mapping
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.requests import ModelIdentity


class Exported(Frozen):
    """A file made by `clr-sweep export`; one written by hand needs `config` alone.

    Attributes:
        tracking: where MLflow shows the study, and a training of the file.
        own_optimizer: whether `training.function` trained with an optimizer that it made itself.
    """

    config: TrialConfig
    metrics: dict[StrictStr, float] = {}
    tracking: TrackingConfig = TrackingConfig()
    own_optimizer: bool = False
    provenance: dict[StrictStr, Any] = Field(default={})

    def another_model(self, now: ModelIdentity | None, file: Path) -> str:
        """That the model is not the one that was trained, in a sentence; empty where it may be.

        Args:
            now: as the code makes it; None where it is not seen.
            file: that this is.
        """
        kept = self.provenance.get("model")
        before = None if kept is None else ModelIdentity(**kept)
        if before is None or now is None or now == before:
            return ""
        return (
            f"the model is another one than that of {file.name}: {self.config.model.name} "
            f"{now.changed_from(before)}"
        )


@dataclass(frozen=True)
class Origin:
    """What the study knows of a trial beyond its record."""

    run_id: str | None
    data_digest: str | None
    details: Mapping[str, Any]


def best_trial(study: StudyRecord) -> TrialRecord:
    """The trial to export.

    Raises:
        InputError: no trial is complete yet.
    """
    if study.comparison is not None:
        raise InputError(
            f"study {study.name!r} holds the trainings of a comparison, which differ by seeds: "
            f"export {study.comparison.of!r}, the study that was compared, or name one with "
            f"{option('--trial')}"
        )
    if study.best is None:
        counts = ", ".join(
            f"{study.count(state)} {state}"
            for state in ("pruned", "diverged", "failed", "interrupted", "running")
        )
        raise InputError(f"study {study.name!r} has no complete trial to export ({counts})")
    return study.best


def as_yaml(study: StudyRecord, trial: TrialRecord, origin: Origin) -> str:
    """The YAML of one trial: configuration, metrics and provenance."""
    content = {
        "config": _config(trial),
        "metrics": {**trial.metrics, **trial.test_metrics},
        **_tracking(study),
        **({"own_optimizer": True} if trial.has_own_optimizer else {}),
        "provenance": {
            "study": study.name,
            "trial_number": trial.number,
            "objective": study.metric,
            "value": trial.value,
            "mlflow_run_id": origin.run_id,
            "seed": trial.config.seed,
            "data_digest": origin.data_digest,
            **({"model": asdict(trial.model)} if trial.model else {}),
            **origin.details,
        },
    }
    header = (
        f"# {trial.label.capitalize()}{_said_first(study.name)}\n#   clr-sweep train THIS_FILE\n"
    )
    return header + dump(content)


def _config(trial: TrialRecord) -> dict[str, Any]:
    """The configuration, without an optimizer that nobody named and that nothing was trained by."""
    unused = trial.has_own_optimizer and not trial.config.training.names_optimizer
    exclude = {"training": {"optimizer"}} if unused else None
    return trial.config.model_dump(mode="json", exclude=exclude)


def is_export(text: str, study: str) -> bool:
    """Whether a file's text is a trial of this study, as `as_yaml` writes it."""
    first = text.split("\n", 1)[0]
    return first.startswith("# ") and first.endswith(_said_first(study))


def _said_first(study: str) -> str:
    return f" of the study {study}: train it again with"


def _tracking(study: StudyRecord) -> dict[str, object]:
    tracking = TrackingConfig() if study.source is None else study.source.sweep.tracking
    written = tracking.told.model_dump(mode="json", exclude_none=True)
    return {"tracking": written} if written else {}


def folders_of(exported: Exported, file: Path) -> tuple[Path, ...]:
    """Where the modules and data that a file names are looked for, in this order."""
    folders = search_path(file)
    if (origin := exported.provenance.get("folder")) is not None:
        # Where the sweep file was: what it names may lie beside it.
        folders = (*folders, Path(str(origin)))
    return folders


def read_exported(path: Path) -> Exported:
    """Read a file made by `clr-sweep export`.

    Raises:
        InputError: with every problem found, each with its place.
    """
    exported = validated(Exported, read_mapping(path), str(path))
    addresses = {"uri": exported.tracking.uri, "artifacts": exported.tracking.artifacts}
    found = {f"tracking.{key}": value for key, value in addresses.items()}
    problems = {key: password_problem(key, value) for key, value in found.items()}
    problems["provenance.model"] = _model_problem(exported.provenance.get("model"))
    if wrong := [f"{key}: {text}" for key, text in problems.items() if text is not None]:
        raise InputError(wrong, str(path))
    return exported


def _model_problem(kept: Any) -> str | None:
    """What is wrong with what a file says of its model, if it says anything."""
    if kept is None:
        return None
    types = {"parameters": int, "digest": str}
    if isinstance(kept, Mapping) and {name: type(one) for name, one in kept.items()} == types:
        return None
    return (
        "must be the parameters and the digest that `clr-sweep export` wrote, or be left out, got "
        f"{shown(kept)}"
    )
