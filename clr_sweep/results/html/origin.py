"""Where the results come from, and how to have them again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from clr_sweep.common.counts import plural
from clr_sweep.common.errors import StoreError
from clr_sweep.definition.sweep import Sweep
from clr_sweep.lr_range_test import report
from clr_sweep.lr_range_test.figure import range_figure
from clr_sweep.results import words
from clr_sweep.results.comparison import why_not_judged
from clr_sweep.results.html.views import Section, whole
from clr_sweep.results.report import export_command
from clr_sweep.training.records import StudyRecord


def range_test_section(study: StudyRecord) -> Section:
    """The range test that the search space came from; empty without one."""
    record, title = study.range_test, "The range test"
    if record is None:
        return Section("range-test", title)
    lines = report.summary(record).splitlines()
    told = tuple(f"{words.capital(line.rstrip('.'))}." for line in lines if line.strip())
    figures = []
    if record.suggestion is not None:
        try:
            figures.append(range_figure(record))
        except StoreError as error:
            told = (*told, f"No figure: {error}")
    return Section("range-test", title, told, pictures=whole(figures))


def environment_section(study: StudyRecord) -> Section:
    """The code, the packages and the data, as they are stored with the runs."""
    facts = tuple((name, value) for name, value in _environment(study) if value)
    return Section("environment", "Environment and data", facts=facts)


def _environment(study: StudyRecord) -> Iterator[tuple[str, str]]:
    found = [dict(record.provenance) for record in study.all if record.provenance]
    for name, key in (("Python", "python"), ("Machine", "machine")):
        yield name, _each(str(one[key]) for one in found if one.get(key))
    names = dict.fromkeys(name for one in found for name in _packages(one))
    for name in names:
        yield (
            name,
            _each(str(_packages(one).get(name)) for one in found if _packages(one).get(name)),
        )
    yield "Git commit", _each(_commit(one) for one in found if one.get("git_commit"))
    data = study.source.data if study.source is not None else {}
    yield "Data from", str(data.get("source") or "")
    yield "Digest of the data", str(data.get("digest") or "")


def _commit(provenance: Mapping[str, object]) -> str:
    changed = ", with changes that were not committed" if provenance.get("git_dirty") else ""
    return f"{provenance['git_commit']}{changed}"


def _packages(provenance: Mapping[str, object]) -> Mapping[str, object]:
    packages = provenance.get("packages")
    return packages if isinstance(packages, Mapping) else {}


def _each(values: Iterator[str]) -> str:
    """What all runs have; where they differ, how many have which."""
    every = list(values)
    kinds = dict.fromkeys(every)
    if len(kinds) < 2:
        return "".join(kinds)
    return "; ".join(f"{one} ({plural(every.count(one), 'run')})" for one in kinds)


def _compare_command(study: StudyRecord) -> str:
    """As the last comparison was made; with the options' defaults where there was none."""
    command = f"clr-sweep compare {shlex.quote(study.name)}"
    record = study.comparisons[-1].comparison if study.comparisons else None
    if record is None:
        return command
    rivals = [arm for arm in record.arms if arm.kind == "rival"]
    fewer = [f"{arm.name}={arm.trials}" for arm in rivals if arm.trials < record.arms[0].trials]
    options: dict[str, object] = {
        "rivals": ",".join(arm.name for arm in rivals),
        "trials": ",".join(fewer),
        # Where each search had fewer complete trials than finalists, that gives the same ones.
        "finalists": max(1, *(len(arm.candidates) for arm in record.arms)),
        "finalist-seeds": record.finalist_seeds,
        "seeds": record.seeds,
        "margin": record.margin,
        "searches": len(study.searches) or 1,
    }
    given = (f" --{name} {value}" for name, value in options.items() if value not in ("", None))
    return command + "".join(given)


def reproduce_section(study: StudyRecord) -> Section:
    """The commands that give the same again, and the file that they take."""
    name, source = shlex.quote(study.name), study.source
    # The search of a rival, say: a comparison made its sweep, which stands in no file.
    is_made = source is not None and not source.file
    steps = []
    if source is not None:
        file = source.file or "sweep.yaml"
        from_below = ", from the file below, saved as sweep.yaml" if is_made else ""
        options = _options_of_run(source.sweep, study.planned)
        steps.append((
            f"the study{from_below}", f"clr-sweep run {shlex.quote(file)} --study {name} {options}"
        ))  # fmt: skip
    if study.best is not None:
        steps.append((
            "its best configuration, trained again to the same metrics",
            f"{export_command(study)}\nclr-sweep train best.yaml",
        ))  # fmt: skip
    if _is_comparable(study) and not is_made:
        steps.append((
            "rivals tuned as it was, and all of them over fresh seeds",
            _compare_command(study),
        ))  # fmt: skip
    steps.append(("this page", f"clr-sweep report {name}"))
    commands = tuple(f"# {what}\n{command}" for what, command in steps)
    fold = None
    if source is not None and source.text:
        title = "The sweep, as it was made" if is_made else "The sweep file, as it was written"
        fold = (title, source.text)
    return Section("reproduce", "How to reproduce", commands=commands, fold=fold)


def _is_comparable(study: StudyRecord) -> bool:
    best = study.best
    if study.comparisons:
        return True
    return best is not None and best.config.training.is_tested and not why_not_judged(study)


def _options_of_run(sweep: Sweep, planned: int | None) -> str:
    """What may have stood on the command line in place of the file's values."""
    trials = planned or sweep.study.trials
    return f"--trials {trials} --epochs {sweep.training.epochs} --seed {sweep.study.seed}"
