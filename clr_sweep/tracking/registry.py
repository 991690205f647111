"""MLflow's model registry: the model of a trial under a name, ready to be served.

A server reads numbers from JSON and casts them to the type of the model's signature, without a
word: a model that was trained on images of uint8 would take 0.7 for 0. What is registered of such
a model says float64, which holds whatever number JSON has; its first layer casts them, as it casts
integers. It is logged beside the run's other files; the run's own model stays as it is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import mlflow.artifacts
import numpy as np
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.tracking import MlflowClient
from mlflow.types.schema import Schema, TensorSpec
from mlflow.utils import get_results_from_paginated_fn
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_alias_name_reserved,
    _validate_model_name,
)

from clr_sweep.common.errors import InputError
from clr_sweep.tracking import tags
from clr_sweep.tracking.logged_models import KERAS_FILE
from clr_sweep.training.own_classes import own_classes, unregistered

_PLACE = "served"
_WHOLE_NUMBERS = "biu"  # the kinds of NumPy's types that hold nothing else


class Registered(NamedTuple):
    """A version in the registry.

    Attributes:
        is_new: it was made now.
        own: classes and functions of the model's that Keras does not have.
        unregistered: those of them that no import registers, so that Keras does not load the model.
    """

    name: str
    version: str
    is_new: bool
    own: tuple[str, ...]
    unregistered: tuple[str, ...]


def refuse_names(name: str, alias: str | None) -> None:
    """Find out whether MLflow takes a name for a registered model, and an alias.

    Raises:
        InputError: it does not, and why.
    """
    problems = []
    for option, given, check in (
        ("--register", name, _validate_model_name),
        ("--alias", alias, _validate_model_alias_name),
        ("--alias", alias, _validate_model_alias_name_reserved),
    ):
        try:
            if given is not None:
                check(given)
        except MlflowException as error:
            problems.append(f"{option}: {error.message}")
    if problems:
        raise InputError(problems)


def register(
    client: MlflowClient, run_id: str, model_id: str, name: str, alias: str | None, note: str
) -> Registered:
    """Register the model of a run, once however often it is asked for.

    Args:
        run_id: the run that the model comes from.
        model_id: of the logged model.
        name: of the registered model, which is made if it is not there.
        alias: is to name this version; it is taken from the version that it names.
        note: Markdown that the UI shows on the version's page.
    """
    # Not by the name: a quotation mark in it ends a condition.
    known = [v for v in _versions(client, f"run_id = '{run_id}'") if v.name == name]
    version = max(known, key=lambda one: int(one.version), default=None)
    is_new = version is None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(
            mlflow.artifacts.download_artifacts(
                f"models:/{model_id}", dst_path=folder, tracking_uri=client.tracking_uri
            )
        )
        parts, unknown = own_classes(path / KERAS_FILE), unregistered(path / KERAS_FILE)
        if version is None:
            _ensure(client, name)
            source = _for_requests(client, run_id, path)
            own = {key: value for key, value in client.get_run(run_id).data.tags.items()
                   if key in (tags.STUDY, tags.STUDY_ID, tags.TRIAL_NUMBER)}  # fmt: skip
            version = client.create_model_version(
                name,
                source or client.get_logged_model(model_id).artifact_location,
                run_id,
                tags=own,
                description=note + "".join(_to_be_known(part, unknown) for part in parts),
                model_id=None if source else model_id,
            )
    if alias is not None:
        client.set_registered_model_alias(name, alias, version.version)
    return Registered(name, str(version.version), is_new, parts, unknown)


def _to_be_known(part: str, unregistered: Collection[str]) -> str:
    what = (
        "Not registered, so Keras cannot load it"
        if part in unregistered
        else ("To be imported first")
    )
    return f"\n\n{what}: `{part}`."


def versions_of_runs(client: MlflowClient, run_ids: Collection[str]) -> list[ModelVersion]:
    """The versions of all registered models that come from one of these runs."""
    found = [version for version in _versions(client) if version.run_id in run_ids]
    # A search does not tell their aliases.
    return [client.get_model_version(one.name, one.version) for one in found]


def _versions(client: MlflowClient, condition: str | None = None) -> Iterable[ModelVersion]:
    found: list[ModelVersion] = get_results_from_paginated_fn(
        lambda most, token: client.search_model_versions(condition, most, page_token=token), 1000
    )
    return found


def _ensure(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise


def _for_requests(client: MlflowClient, run_id: str, path: Path) -> str | None:
    """The model in a folder as it takes requests, logged on the run; None where it does so now."""
    model = Model.load(str(path / MLMODEL_FILE_NAME))
    signature = model.signature
    if signature is None or not any(map(_holds_whole_numbers, signature.inputs.inputs)):
        return None
    inputs = Schema([_of_numbers(spec) for spec in signature.inputs.inputs])
    model.signature = ModelSignature(inputs, signature.outputs, signature.params)
    model.save(str(path / MLMODEL_FILE_NAME))
    client.log_artifacts(run_id, str(path), _PLACE)
    return f"{client.get_run(run_id).info.artifact_uri}/{_PLACE}"


def _holds_whole_numbers(spec: TensorSpec) -> bool:
    return spec.type.kind in _WHOLE_NUMBERS


def _of_numbers(spec: TensorSpec) -> TensorSpec:
    return (
        TensorSpec(np.dtype("float64"), spec.shape, spec.name)
        if _holds_whole_numbers(spec)
        else spec
    )
