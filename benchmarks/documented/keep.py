"""Keeps a sweep that was run, and compared: `python -m benchmarks.documented.keep STORAGE SWEEP`.

    clr-sweep run sweeps/first_look.yaml
    python -m benchmarks.documented.keep sqlite:///optuna.db first_look
    python -m benchmarks.documented

Run it where the sweep was run, so that the trials' folders are found. It refuses a study that has
not come to its end, and one of another definition than its file holds now.
"""

from __future__ import annotations

import json
import re
import sys

from benchmarks.documented.kept import (
    DRAWN,
    FOLDER,
    KeptRun,
    curve_lists,
    definition,
    sweep_file,
    thinned,
    without_places,
    write,
)
from clr_sweep.commands.export import export_study
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.attributes import SWEEP
from clr_sweep.search.reading import read_study
from clr_sweep.search.storage import load_study, open_storage
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.folder import TrialFolder

# Of the machine that it was run on; a data set's folder is null in the shipped sweeps.
_PLACE = re.compile(r"folder: /.*")


def main(storage: str, sweep: str) -> None:
    file = load_sweep(sweep_file(sweep))
    stored = load_study(open_storage(storage, must_exist=True), file.name)
    study = read_study(stored)
    if study.state != "complete" or study.ended < study.planned:
        sys.exit(f"{study.name}: {study.ended} of {study.planned} trials, {study.state}: run it on")
    for held in (*study.comparisons, *study.searches):
        if held.state != "complete":
            sys.exit(f"{held.name}: {held.ended} trainings, {held.state}: compare it on")
    ran = Sweep.model_validate_json(json.dumps(stored.user_attrs[SWEEP]))
    if definition(ran) != definition(file):
        sys.exit(f"{study.name}: not what {sweep_file(sweep).name} holds now: run that")
    curves = study.range_test.curves() if study.range_test is not None else ()
    best = study.best
    curve = TrialFolder(best.folder).curve() if best is not None and sweep == DRAWN else None
    rates, losses = curve if curve is not None else ((), ())
    exported, _ = export_study(study.name, None, storage, StoreChoice.of(None))
    folder = sweep_file(sweep).parent.relative_to(FOLDER.parents[2])
    run = KeptRun(
        sweep=sweep,
        definition=definition(ran),
        study=without_places(thinned(study)),
        range_curves=tuple(curve_lists(curve) for curve in curves),
        exported=_PLACE.sub(f"folder: /home/me/clr-sweep/{folder}", exported),
        rates=tuple(float(rate) for rate in rates),
        losses=tuple(round(float(loss), 5) for loss in losses),
    )
    kept = write(run)
    print(f"{study.ended} trials in {kept} ({kept.stat().st_size / 1024:.0f} KiB)")


if __name__ == "__main__":
    main(*sys.argv[1:3])
