"""The names under which a study and its trials are stored beside what Optuna itself stores."""

# Of the study.
SWEEP, SWEEP_TEXT, FACTS, BASELINE = "sweep", "sweep_text", "facts", "baseline"
# By which its runs in MLflow are found: two studies may have the same name.
STUDY_ID = "study_id"
# How far the study is: its state, why it stopped, how many trials were planned last, and whether
# MLflow knows all of it.
PROGRESS = "progress"
# What the range test suggested, with the state of that stage.
RANGE_TEST = "range_test"
# What the model is that its results are of.
MODEL = "model"
# Which process wrote into the study last: one that lost its lock sees that another was there.
DRIVER = "driver"
# That its deletion was begun: what is left of it is of no use but to be deleted.
DELETING = "deleting"
# Trials whose files were not there at the last start.
LOST = "lost"
# The best trials of another study that it begins with, by `study.warm_start`.
WARM_START = "warm_start"
# Of a trial, and of the baseline.
CONFIG, RESULT, STATE, REASON, FOLDER = "config", "result", "state", "reason", "folder"
PROVENANCE = "provenance"
# Why earlier attempts of a trial ended that were not its own failures.
RETRIED = "retried"
# Where a trial is in its schedule at the end of each of its epochs, for the pruner.
PHASES = "phases"
# Where its parameters come from, where they were given and not sampled: which of those that the
# sweep file gives it is, if it is one, and a text.
GIVEN = "given"
# From which trial on `study.stop_when` counts, where a start has asked for more trials.
COUNTED_FROM = "stop_when_counts_from"
# Of a study that holds the trainings of a comparison: how that is made; of its trials: what for.
COMPARISON, SEED_RUN = "comparison", "seed_run"
