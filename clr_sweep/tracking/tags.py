"""The names under which clr-sweep's runs are found again: people script against these."""

KIND = "clr_sweep.kind"  # sweep, range_test, trial, baseline, train
STATE = "clr_sweep.state"  # complete, pruned, diverged, failed, interrupted, running
STUDY = "clr_sweep.study"
STUDY_ID = "clr_sweep.study_id"  # two studies in one store may have the same name
PROCESS = "clr_sweep.process"  # host, number and start of the process that writes the run
TRIAL_NUMBER = "clr_sweep.trial_number"
REASON = "clr_sweep.reason"
WARNINGS = "clr_sweep.warnings"  # of the range test, a line each
RETRIES = "clr_sweep.retries"  # attempts that ended through no failure of the trial's own
GIVEN = "clr_sweep.given"  # who gave which parameters of a trial that were not sampled
STORAGE = "clr_sweep.storage"
VERSION = "clr_sweep.version"

# MLflow's own.
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
USER = "mlflow.user"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
OF_MODELS = (STUDY, KIND, TRIAL_NUMBER, USER, SOURCE_NAME, SOURCE_TYPE)  # as of their runs
PRIMARY_METRIC = "mlflow.experiment.primaryMetric.name"
GREATER_IS_BETTER = "mlflow.experiment.primaryMetric.greaterIsBetter"
EXPERIMENT_KIND = "mlflow.experimentKind"

TAG_LIMIT = 8000
PARAM_LIMIT = 6000
METRIC_BATCH = 1000
PARAM_BATCH = 100

STATUS_OF_STATE = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "diverged": "KILLED",
    "interrupted": "KILLED",
    "failed": "FAILED",
    "running": "RUNNING",
}
