"""What of clr-sweep is timed, by name, and as which part of a sweep: the place to adapt.

A name is `module:function`, `module:Class.method`, or ends in `*` for all public functions or
methods that are defined there. It is looked up in every process that has the module; one that is
not there any more is reported, as is one that is never called.
"""

from __future__ import annotations

from typing import NamedTuple

# Parts of a trial's process.
BUILDING, TRACING, TRAINING, VALIDATION = "model built", "tracing", "training steps", "validation"
FILES, ANSWER, REST = "trial's files", "waiting for the driver", "rest of the trial"
# Parts of the driver; of the trials' processes too, where they do such work.
STUDY, LOGGING, MODEL, FIGURES = "study", "logging", "model logged", "figures"
START, TEST, WAITING, LOOP = "start", "test set", "waiting for trials", "rest of the driver"
# Parts of a slot when no process runs in it.
BETWEEN, LACK, END = "idle between trials", "idle, no trial left", "end"


class Wrapped(NamedTuple):
    """A name and its part.

    Attributes:
        inside: whether it is timed inside of another timed call too. Where it is, the time is
            counted as the inner part alone.
    """

    part: str
    name: str
    inside: bool = True


WRAPPED = (
    Wrapped(BUILDING, "clr_sweep.training.data.materialized:open_materialized"),
    Wrapped(BUILDING, "clr_sweep.training.compiling:compiled_model"),
    Wrapped(BUILDING, "clr_sweep.training.loop:TrainingLoop.__init__"),
    Wrapped(BUILDING, "clr_sweep.training.state:training_state"),
    Wrapped(TRACING, "clr_sweep.training.loop:TrainingLoop.graphs"),
    Wrapped(TRAINING, "clr_sweep.training.loop:TrainingLoop.train"),
    Wrapped(VALIDATION, "clr_sweep.training.loop:TrainingLoop.evaluate"),
    Wrapped(FILES, "clr_sweep.training.checkpoint:Checkpoint.*"),
    Wrapped(FILES, "clr_sweep.training.folder:TrialFolder.*"),
    Wrapped(START, "clr_sweep.definition.loading:load_sweep"),
    Wrapped(START, "clr_sweep.tracking.store:connect"),
    Wrapped(START, "clr_sweep.search.storage:*"),
    Wrapped(START, "clr_sweep.study.preparation:prepare_data"),
    Wrapped(START, "clr_sweep.study.slots:take_slots"),
    Wrapped(LOGGING, "clr_sweep.study.parent_run:*"),
    Wrapped(START, "clr_sweep.study.provenance:provenance"),
    Wrapped(STUDY, "clr_sweep.search.sampling:Sampling.*"),
    Wrapped(STUDY, "clr_sweep.search.reading:StudyReader.*"),
    Wrapped(STUDY, "clr_sweep.search.reading:read_study"),
    Wrapped(STUDY, "clr_sweep.search.writing:*"),
    Wrapped(STUDY, "clr_sweep.search.reading:trials_left"),
    Wrapped(STUDY, "clr_sweep.study.flights:TrialFlight.*"),
    Wrapped(STUDY, "clr_sweep.study.flights:BaselineFlight.*"),
    Wrapped(LOGGING, "clr_sweep.study.publishing:Publisher.*"),
    Wrapped(LOGGING, "clr_sweep.study.trial_runs:TrialRuns.*"),
    Wrapped(LOGGING, "clr_sweep.tracking.sweep_runs:SweepRuns.*"),
    Wrapped(LOGGING, "clr_sweep.tracking.run_writer:RunWriter.*"),
    Wrapped(MODEL, "clr_sweep.tracking.logged_models:log_keras_model"),
    Wrapped(MODEL, "clr_sweep.training.inference:save_inference_model"),
    Wrapped(FIGURES, "clr_sweep.results.figures:study_figures"),
    Wrapped(FIGURES, "clr_sweep.results.trial_figures:*"),
    Wrapped(FIGURES, "clr_sweep.results.loss_by_rate:*"),
    Wrapped(FIGURES, "clr_sweep.results.style:save"),
    Wrapped(TEST, "clr_sweep.study.evaluation:evaluate_untested"),
    Wrapped(LOOP, "clr_sweep.study.progress:Display.*", inside=False),
    Wrapped(LOOP, "clr_sweep.engines.local.engine:LocalEngine.start", inside=False),
    Wrapped(WAITING, "clr_sweep.engines.local.engine:LocalEngine.wait", inside=False),
)

# The jobs of the engine by the name of their function, and the part of their untimed rest.
# Inside of a training alone the names above are timed.
TRAIN = "run_trial"
JOBS = {
    TRAIN: REST,
    "find_gpus": START,
    "prepare_data": START,
    "inspect_trial": START,
    "evaluate_on_test_set": TEST,
}
