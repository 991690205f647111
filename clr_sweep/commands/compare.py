"""`clr-sweep compare`: a study against equally tuned rivals, over fresh seeds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clr_sweep.commands.mlflow_project import go_to_user
from clr_sweep.commands.run import Asked, run_asked, told_secrets
from clr_sweep.common.door import another_study, option
from clr_sweep.common.errors import InputError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.keras_backend import train_with_tensorflow

if TYPE_CHECKING:
    from clr_sweep.definition.comparison import ComparisonConfig
    from clr_sweep.definition.sweep import Sweep


def compare_command(
    name: str,
    options: Mapping[str, str],
    stores: Mapping[str, str],
    stop: StopRequest,
    say: Callable[[str], None],
) -> tuple[str, bool]:
    """Start or continue the comparison of a stored study with its rivals.

    Args:
        name: the study's.
        options: what stands on the command line in place of the study's `comparison`, by the
            option's name without its dashes.
        stores: what stands there of the study storage and MLflow's store, in the same way.
        say: shows a line.

    Returns:
        What was found, and whether a trial of the study is complete: else nothing is compared.

    Raises:
        As `run_sweep`.
    """
    go_to_user()
    train_with_tensorflow(say)
    run_id = os.environ.get("MLFLOW_RUN_ID")  # the engine will have taken it away
    if wrong := told_secrets(stores, run_id):
        raise InputError(wrong)
    choice = StoreChoice.checked(stores.get("tracking-uri"), run_id)
    url = stores.get("storage")
    asked = {key.replace("-", "_"): from_text(key, text) for key, text in options.items()}
    study = run_asked(lambda: stored_comparison(name, asked, url, choice), stop, say)
    from clr_sweep.results.report import summary

    return summary(study), study.best is not None


def stored_comparison(
    name: str, given: Mapping[str, Any], url: str | None, choice: StoreChoice
) -> Asked:
    """A study's sweep, where that was read from, how it is compared, and MLflow's store.

    Args:
        given: values in place of those of the study's `comparison`, its `jobs` and its `engine`.
    """
    from clr_sweep.definition.comparison import ComparisonConfig
    from clr_sweep.search import storage
    from clr_sweep.search.attributes import FACTS, SWEEP_TEXT
    from clr_sweep.search.places import Places
    from clr_sweep.search.reading import stored_definition
    from clr_sweep.search.seed_runs import comparison_of
    from clr_sweep.study.part import SweepSource

    study = storage.load_study(
        storage.open_storage(url or storage.DEFAULT_STORAGE, must_exist=True), name
    )
    if (held := comparison_of(study)) is not None:
        raise InputError(
            f"study {name!r} holds the trainings of a comparison: compare {held.of!r}, whose it is"
        )
    facts, places = study.user_attrs[FACTS], Places(study)
    if not facts.get("is_tested", True):
        raise InputError(
            f"study {name!r} is a search that a comparison made: compare the study that it was "
            "made for"
        )
    if "search_path" not in facts:
        raise InputError(
            f"study {name!r} is of an earlier version, which did not keep what a comparison needs: "
            "start it with its sweep file and `clr-sweep run` once more"
        )
    sweep = stored_definition(study, url)
    if not sweep.training.is_tested:
        raise InputError(
            f"study {name!r} is trained by {sweep.training.function}, and nothing evaluates it on "
            "a test set, by which a comparison judges: search with training.evaluate in a study of "
            f"its own ({another_study()})"
        )
    choice.say_which_experiment(sweep.tracking, f"study {name!r}")
    tracker = choice.uri(sweep.tracking, f"study {name!r}")
    sweep = sweep.model_copy(update={"tracking": sweep.tracking.at(choice.option)})
    sweep, settings = _as_asked(sweep, sweep.comparison or ComparisonConfig(), given)
    folders = tuple(places.whole(folder) for folder in facts["search_path"])
    file = Path(facts.get("sweep_argument") or facts["sweep_file"])
    source = SweepSource(file, study.user_attrs[SWEEP_TEXT], folders)
    return Asked(sweep, source, settings, tracker, is_begun=True)


def _as_asked(
    sweep: Sweep, before: ComparisonConfig, asked: Mapping[str, Any]
) -> tuple[Sweep, ComparisonConfig]:
    """A study and how it is compared, with what was asked in place; all that is wrong with them."""
    from clr_sweep.definition.comparison import ComparisonConfig, trials_problems
    from clr_sweep.definition.engine_config import EngineConfig, renamed
    from clr_sweep.definition.problems import sentence
    from clr_sweep.definition.study_config import StudyConfig
    from clr_sweep.definition.validation import validation

    given = dict(asked)
    jobs = {"jobs": given.pop("jobs")} if "jobs" in given else {}
    study, problems = validation(StudyConfig, {**sweep.study.model_dump(), **jobs})
    stands = sweep.engine.model_dump()
    name = given.pop("engine", stands["name"])
    engine, wrong = validation(EngineConfig, renamed(stands, name))
    problems += [(("engine",), text) for _, text in wrong]
    settings, others = validation(ComparisonConfig, {**before.model_dump(), **given})
    problems += [*others, *trials_problems(settings, sweep.study.trials)]
    if study is None or engine is None or settings is None or problems:
        named = [_named(keys, text, {*given, *jobs, "engine"}) for keys, text in problems]
        raise InputError([sentence(keys, text) for keys, text in named])
    return sweep.model_copy(update={"study": study, "engine": engine}), settings


def _named(keys: tuple[str, ...], text: str, given: set[str]) -> tuple[tuple[str, ...], str]:
    """A problem at the option that it is with, or at a value that another option is against."""
    first, *rest = keys
    named = option(f"--{first.replace('_', '-')}")
    if first in given:
        return (named.rstrip("="), *rest), text
    return ("comparison", *keys), f"{text}: this is what the study's sweep says, give {named} too"


def from_text(name: str, text: str) -> Any:
    """What an option's text stands for; the text itself where it stands for nothing."""
    if name == "rivals":
        return [one.strip() for one in text.split(",")]
    if "=" in text:
        parts = [[word.strip() for word in one.partition("=")] for one in text.split(",")]
        found = {key: from_text(key, one) for key, _, one in parts}
        # One that is named twice has no one value: the text as it is, which is refused.
        return found if len(found) == len(parts) else text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
