"""The seeds of a range test, each run in a process of its own, and what they suggest together."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from clr_sweep.common.counts import plural
from clr_sweep.common.errors import StoreError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.sweep import Sweep
from clr_sweep.engines.base import Engine
from clr_sweep.engines.to_the_end import Job, run_all
from clr_sweep.lr_range_test.curve import read_curve, read_identity
from clr_sweep.lr_range_test.report import as_yaml
from clr_sweep.lr_range_test.suggestion import RangeTestError, suggest
from clr_sweep.search.configurations import range_test_config
from clr_sweep.search.study_folder import RANGE_TEST_FOLDER
from clr_sweep.training.durable import part_files, replaced, write_text
from clr_sweep.training.records import RangeTestRecord
from clr_sweep.training.requests import RANGE_TEST, ModelIdentity, PreparedData, RangeTestJob

FIGURE, NUMBERS = "range_test.png", "range_test.yaml"


@dataclass(frozen=True)
class RangeTest:
    """The range test of a sweep, on data that is loaded.

    Args:
        folder: the study's.
        model: that is tested; what was recorded of another one is not believed.
    """

    sweep: Sweep
    facts: PreparedData
    folder: Path
    search_path: tuple[Path, ...]
    model: ModelIdentity

    def begun(self) -> RangeTestRecord:
        """The test before its end, as it is stored and shown."""
        jobs = self._jobs()
        return RangeTestRecord(
            study=self.sweep.study_name,
            state="running",
            reason=None,
            config=jobs[0].config,
            test=self.sweep.range_test,
            files=tuple(job.file for job in jobs),
        )

    def run(self, engine: Engine, stop: StopRequest, say: Callable[[str], None]) -> RangeTestRecord:
        """Record the curves that are not there yet, and read the suggestion off them all.

        A seed that an earlier start recorded, of the same test, is not trained again.

        Raises:
            InterruptedSweepError: after Ctrl-C or SIGTERM; the seeds that are done are kept.
            RangeTestError: the curves show no bounds, or too few of them do.
            TrialFailedError: the user's model or data code failed.
        """
        jobs, record = self._jobs(), self.begun()
        jobs[0].file.parent.mkdir(parents=True, exist_ok=True)
        for leftover in part_files(jobs[0].file.parent):
            leftover.unlink()
        waiting = {number: job for number, job in enumerate(jobs) if not _is_there(job)}
        due = {
            f"seed {number + 1}": Job(RANGE_TEST, job, job.file.with_suffix(".log"))
            for number, job in waiting.items()
        }
        if due:
            if was := _recorded_before(waiting.values()):
                say(f"range test: {was}: trained anew")
            say(f"range test: {len(due)} of {plural(len(jobs), 'seed')} to train")
        run_all(engine, due, stop, lambda key: say(f"range test: {key} is done"))
        test = record.test
        try:
            found = suggest(
                record.curves(), test.rule, record.metric, record.sign, needed=test.needed
            )
        except RangeTestError as error:
            # Whoever gives the bounds by hand, or changes the test, has to see what it saw.
            self._draw(record, error.warnings or (str(error),))
            say(f"range test: what it saw is drawn in {self.folder / FIGURE}")
            raise
        return replace(record, state="complete", suggestion=found)

    def write(self, record: RangeTestRecord, origin: Mapping[str, Any]) -> None:
        """Put the numbers and the figure of a complete test into the study's folder."""
        text = as_yaml(record, {"data_digest": self.facts.digest, **origin})
        write_text(self.folder / NUMBERS, text)
        self._draw(record)

    def _draw(self, record: RangeTestRecord, refused: Sequence[str] = ()) -> None:
        # Imports Matplotlib, which other sweeps need not wait for.
        from clr_sweep.lr_range_test.figure import range_figure

        with replaced(self.folder / FIGURE) as part:
            range_figure(record, refused).savefig(part)

    def _jobs(self) -> list[RangeTestJob]:
        folder, sweep, facts = self.folder / RANGE_TEST_FOLDER, self.sweep, self.facts
        jobs = []
        for number in range(sweep.range_test.seeds):
            config = range_test_config(sweep, number, facts.train)
            job = RangeTestJob(
                config,
                sweep.range_test,
                self.model,
                facts.stored,
                folder,
                self.search_path,
                looks_at_scale=number == 0,  # model and data are the same for all seeds
            )
            # Tests made in other ways lie beside each other: none takes the place of another.
            mark = sha256(job.identity.encode()).hexdigest()[:8]
            jobs.append(replace(job, file=folder / f"seed_{number}-{mark}.npz"))
        return jobs


def _is_there(job: RangeTestJob) -> bool:
    # One that is damaged is recorded again.
    with contextlib.suppress(StoreError):
        return read_curve(job.file, job.identity) is not None
    return False


def _recorded_before(jobs: Iterable[RangeTestJob]) -> str:
    """Of which other model the same seeds were recorded last, in words; empty where of none."""
    found: dict[float, str] = {}
    for job in jobs:
        wanted = json.loads(job.identity)
        del wanted["model"]
        for file in job.file.parent.glob(f"{job.file.stem.rpartition('-')[0]}-*.npz"):
            with contextlib.suppress(StoreError):
                recorded = json.loads(read_identity(file))
                kept = recorded.pop("model", None)
                if recorded == wanted:
                    found[file.stat().st_mtime] = _of_another(kept, job.model)
    return found[max(found)] if found else ""


def _of_another(kept: Mapping[str, Any] | None, model: ModelIdentity) -> str:
    if kept is None:
        return "recorded by an earlier version, which did not keep of which model"
    if (count := kept["parameters"]) == model.parameters:
        return f"recorded of a model with other layers or variables, of {count:,} parameters too"
    return f"recorded of a model with {count:,} parameters; this one has {model.parameters:,}"
