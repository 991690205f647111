"""`clr-sweep export --register`: a trial's model in MLflow's registry, and what it answers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from documentation import BEST_CONFIGURATION, blocks
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from real_runs import DATA, Place
from served_models import Served, served
from small_studies import SmallStudy
from stored_commands import invoke

from clr_sweep.commands.export import trial_yaml
from clr_sweep.tracking.which_store import StoreChoice

REGISTER = ("export", "example", "--register", "mine", "--alias", "champion")


def client(place: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{place / 'mlflow.db'}")


def images(count: int) -> Any:
    """Of the real data, uint8."""
    with np.load(DATA / "fashion_mnist_slice.npz") as arrays:
        return arrays["x_test"][:count]


def expected(study: SmallStudy, x: Any) -> Any:
    """What the trial's own model makes of them."""
    import keras

    model = keras.models.load_model(study.record.best.folder / "model.keras", compile=False)
    return model.predict(np.asarray(x, "float32"), verbose=0)


def test_the_best_model_is_registered_once(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its version names run, study and trial; the same command again makes no second one."""
    best = SmallStudy(place).record.best
    first = invoke(*REGISTER)
    assert first.exit_code == 0, first.output
    uris = "models:/mine/1 and models:/mine@champion"
    assert first.stdout == f"trial {best.number} is registered as {uris}\n"
    again = invoke(*REGISTER)
    assert again.stdout == f"trial {best.number} is registered as {uris}, as it was already\n"
    assert not [one for one in caplog.records if one.name == "clr_sweep"]  # nothing to warn of
    (version,) = client(place).search_model_versions("name = 'mine'")
    run = client(place).get_run(version.run_id)
    assert run.data.tags["clr_sweep.trial_number"] == str(best.number)
    assert version.tags["clr_sweep.study"] == "example"
    assert version.description.startswith(f"Trial {best.number} of the study example: ")
    assert invoke("doctor", "example").output == "study example: all is well\n"


def test_a_model_that_is_not_the_one_reported(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who takes it away is told, as on every page of the trial."""
    stored = SmallStudy(place)
    best = stored.record.best
    assert best is not None
    trial_yaml(stored.study, stored.record, best, StoreChoice())
    assert caplog.messages == []
    other = dataclasses.replace(best, has_other_weights=True)
    trial_yaml(stored.study, stored.record, other, StoreChoice())
    (message,) = caplog.messages
    assert message.startswith("warning: the model that ")
    assert f"({best.label}): value and model, with what is tested and exported of it" in message


def test_a_name_with_a_quotation_mark(place: Path) -> None:
    """It is one, and no end of what MLflow is asked."""
    again = [invoke("export", "example", "--register", "Ada's") for _ in range(2)]
    assert [result.exit_code for result in again] == [0, 0]
    assert again[1].stdout.endswith("registered as models:/Ada's/1, as it was already\n")
    assert len(client(place).search_model_versions()) == 1


def test_an_alias_goes_to_the_version_that_is_asked_for(place: Path) -> None:
    """Another trial is another version; a configuration is written where -o says."""
    assert invoke(*REGISTER).exit_code == 0
    best = SmallStudy(place).record.best.number
    other = next(number for number in (0, 1) if number != best)
    second = invoke(*REGISTER, "--trial", other, "-o", "best.yaml")
    assert second.stdout.startswith(f"trial {other} is registered as models:/mine/2 and ")
    assert f"trial_number: {other}\n" in (place / "best.yaml").read_text()
    by_alias = client(place).get_model_version_by_alias
    assert str(by_alias("mine", "champion").version) == "2"
    assert invoke(*REGISTER).exit_code == 0
    assert str(by_alias("mine", "champion").version) == "1"


def test_whole_numbers_are_no_type_of_a_request(place: Path) -> None:
    """The page's call in Python; the run's own model stays that of the data as they are held."""
    assert (
        invoke("export", "example", "--register", "fashion", "--alias", "champion").exit_code == 0
    )
    study, x = SmallStudy(place), images(3)
    (code,) = (text for _, text in blocks(BEST_CONFIGURATION, "python") if "astype" in text)
    names = {"mlflow": mlflow, "images": x}
    exec(code.replace("model.predict", "found = model.predict"), names)
    model, wanted = names["model"], expected(study, x)
    np.testing.assert_allclose(names["found"], wanted, rtol=1e-5)
    (spec,) = model.metadata.signature.inputs.inputs
    assert (spec.type, spec.shape) == (np.dtype("float64"), (-1, 28, 28))
    for other in (x, x.astype("int64"), x.astype("float32"), x.tolist()):
        with pytest.raises(MlflowException, match="Failed to enforce schema"):
            model.predict(other)
    run = client(place).get_model_version("fashion", "1").run_id
    (output,) = client(place).get_run(run).outputs.model_outputs
    own = mlflow.pyfunc.load_model(f"models:/{output.model_id}")
    np.testing.assert_allclose(own.predict(x), wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--alias", "champion"), "--alias: names a version that --register makes: give both"),
        (("--register", "a/b"), "--register: "),
        (("--register", "mine", "--alias", "v1"), "--alias: "),
        (
            ("--register", "mine", "--trial", "4"),
            "trial 4 of study 'example' is failed: complete and pruned trials alone have a model",
        ),
        (("--register", "mine", "--trial", "9"), "study 'example' has no trial 9 (0 to 4)"),
    ],
)
def test_what_cannot_be_registered(place: Path, arguments: tuple[str, ...], message: str) -> None:
    """It is refused in words, and nothing is made."""
    result = invoke("export", "example", *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert client(place).search_registered_models() == []


@pytest.mark.heavy
def test_a_model_that_was_not_logged(place: Path) -> None:
    """The cure is named, and cures."""
    best = SmallStudy(place).record.best
    experiments = [item.experiment_id for item in client(place).search_experiments()]
    for model in client(place).search_logged_models(experiments):
        if model.name == f"example-trial-{best.number:03d}":
            client(place).delete_logged_model(model.model_id)
    result = invoke(*REGISTER)
    assert result.exit_code == 2
    assert f"MLflow has no model of trial {best.number} of study 'example'" in result.stderr
    assert "`clr-sweep doctor example --fix` logs it" in result.stderr
    assert invoke("doctor", "example", "--fix").exit_code == 0
    assert invoke(*REGISTER).exit_code == 0


def answers(server: Served, study: SmallStudy) -> None:
    """Integers, floats and what is neither."""
    x = images(4)
    wanted = expected(study, x)
    np.testing.assert_allclose(server.predictions(x.tolist()), wanted, rtol=1e-4)
    np.testing.assert_allclose(server.predictions(x.astype(float).tolist()), wanted, rtol=1e-4)
    between = (x + 0.5).tolist()  # not cut off to the whole numbers below
    np.testing.assert_allclose(server.predictions(between), expected(study, between), rtol=1e-4)
    for wrong in (x[0].tolist(), x[:, :3].tolist(), [["a"]]):
        status, why = server.post(inputs=wrong)
        assert status == 400, why
        assert "error_code" in why


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_requests_over_http(place: Path) -> None:
    """`mlflow models serve` on the SQLite store of the study."""
    assert invoke(*REGISTER).exit_code == 0
    store = f"sqlite:///{place / 'mlflow.db'}"
    with served(Place(place), "models:/mine@champion", store) as server:
        answers(server, SmallStudy(place))


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_requests_with_a_tracking_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model registered at a server, from which the one that answers has it."""
    monkeypatch.chdir(tmp_path)
    here = Place(tmp_path)
    _, uri = here.start_server()
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        study = SmallStudy(tmp_path)
        study.add("complete")
        study.publisher(uri=uri).trial_runs.reconcile(study.record)
        registered = invoke(*REGISTER)
        assert registered.exit_code == 0, registered.output
        with served(Place(tmp_path), "models:/mine@champion", uri) as server:
            answers(server, study)
    finally:
        here.close()
