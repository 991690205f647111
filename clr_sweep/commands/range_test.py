"""`clr-sweep range-test`: a sweep's range test by itself, to look at and to paste from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clr_sweep.common.errors import InputError
from clr_sweep.common.scratch import scratch_folder
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.loading import RANGE_TEST_OPTIONS, load_sweep, search_path
from clr_sweep.definition.sweep import Sweep
from clr_sweep.engines.chosen import chosen_engine
from clr_sweep.engines.local.engine import local_engine
from clr_sweep.lr_range_test.report import baseline_warnings, ranges_yaml, summary
from clr_sweep.lr_range_test.seeds import FIGURE, NUMBERS, RangeTest
from clr_sweep.search.study_folder import STUDIES_FOLDER, only_driver_here, work_folder
from clr_sweep.study.preparation import check_sizes, identify, prepare_data
from clr_sweep.study.progress import Display
from clr_sweep.study.provenance import provenance
from clr_sweep.study.slots import take_slots
from clr_sweep.training.records import RangeTestRecord


def run_range_test(file: Path, options: Mapping[str, str], stop: StopRequest) -> tuple[str, str]:
    """Run the range test of a sweep file; the figure and the numbers go to the study's folder.

    Neither a study nor a run in MLflow is made: that is `run`'s, with `from: range_test`.

    Args:
        options: what stands on the command line in place of the file's values, by the option's
            name without its dashes.

    Returns:
        What was found, in words, and the ranges as YAML.

    Raises:
        InputError: anything wrong with the file.
        RangeTestError: the curves show no bounds.
        InterruptedSweepError: after Ctrl-C or SIGTERM; the same command goes on.
    """
    if stop:
        raise stop.error()
    overrides = {RANGE_TEST_OPTIONS[f"--{name}"]: text for name, text in options.items()}
    sweep = load_sweep(file, overrides)
    record, folder = measured(sweep, search_path(file), str(file), stop)
    files = " and ".join(str((folder / name).relative_to(Path.cwd())) for name in (NUMBERS, FIGURE))
    warnings = [f"  {text}" for text in baseline_warnings(record, sweep.baseline.learning_rate)]
    said = "\n".join([summary(record), *warnings, f"  written to {files}"])
    return said, ranges_yaml(record)


def measured(
    sweep: Sweep, folders: tuple[Path, ...], place: str, stop: StopRequest
) -> tuple[RangeTestRecord, Path]:
    """Run the range test of a sweep; arguments and errors as for `run_range_test`.

    Args:
        folders: in which files and modules that it names are looked for.
        place: of the sweep, for messages.

    Returns:
        The test, and the study's folder, where its figure and its numbers are.
    """
    if sweep.training.function is not None:
        raise InputError(
            "training.function: a range test is made of single steps, which are the function's "
            "own: it needs a sweep that names a model",
            place,
        )
    folder = Path.cwd() / STUDIES_FOLDER / sweep.study_name
    with (
        scratch_folder(),
        local_engine() as local,
        chosen_engine(local, sweep, folders, lambda: folder.parent) as engine,
        Display(sweep.range_test.seeds) as display,
        only_driver_here(folder, sweep.study_name),
        work_folder(folder) as work,
    ):
        take_slots(engine, sweep.study, work, stop, at_most=sweep.range_test.seeds)
        facts = prepare_data(engine, sweep.dataset, folders, work, stop)
        check_sizes(sweep, facts, place)
        model = identify(engine, sweep, facts, folders, work, stop)
        test = RangeTest(sweep, facts, folder, folders, model)
        record = test.run(engine, stop, display.say)
        test.write(record, provenance(folders[0]))
    return record, folder
