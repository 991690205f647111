"""What is warned of, wherever a study or a trial is told; and why a trial ended, in words."""

from __future__ import annotations

import dataclasses

from clr_sweep.results import words
from clr_sweep.results.as_json import json_text, study_content
from clr_sweep.results.html.arms import verdict_of
from clr_sweep.results.report import markdown, summary, trial_markdown
from clr_sweep.results.text import study_text, trial_text
from clr_sweep.training.records import StudyRecord


def test_the_report_says_whether_the_rates_were_the_planned_ones(big_study: StudyRecord) -> None:
    """A warning where they were not: in the report, at the end of a sweep, on the trial's page."""
    exact = [dataclasses.replace(t, learning_rate_deviation=0.0) for t in big_study.trials]
    study = dataclasses.replace(big_study, trials=tuple(exact))
    for text in (markdown(study), summary(study), markdown(big_study), summary(big_study)):
        assert "Warning" not in text
    assert "exactly those planned, greatest deviation 0." in trial_markdown(exact[3])
    assert "planned" not in trial_markdown(big_study.trials[3])  # of an older version
    exact[3] = dataclasses.replace(exact[3], learning_rate_deviation=0.0125)
    exact[5] = dataclasses.replace(exact[5], learning_rate_deviation=0.001)
    wrong = dataclasses.replace(big_study, trials=tuple(exact))
    for text in (markdown(wrong), summary(wrong)):
        assert "Warning: the learning rates used are not those planned in 2 runs" in text
        assert "by up to 0.0125 (trial 3)" in text
    assert "NOT those planned, greatest deviation 0.0125" in trial_markdown(exact[3])


def test_a_model_with_other_weights_than_reported_is_warned_of(big_study: StudyRecord) -> None:
    """Wherever the study or the trial is told, with the trials and the cure."""
    assert 'has_other_weights": false' in json_text(study_content(big_study))
    trials = [dataclasses.replace(one, has_other_weights=True) for one in big_study.trials[:7]]
    wrong = dataclasses.replace(big_study, trials=(*trials, *big_study.trials[7:]))
    on_page = " ".join(verdict_of(wrong).sentences)
    for text in (markdown(wrong), summary(wrong), study_text(wrong, None), on_page):
        assert "Warning: the model that " in text
        assert "(trial 0, trial 1, trial 2, trial 3, trial 4, 2 more)" in text
        assert "best_weights out of EarlyStopping" in text
    for text in (trial_markdown(trials[3]), trial_text(trials[3], wrong, None)):
        assert "(trial 3): value and model" in text
    assert "other weights" not in trial_text(big_study.trials[8], wrong, None)


def test_steps_that_were_skipped_are_warned_of(big_study: StudyRecord) -> None:
    """By how many, where most, and with the cure."""
    assert 'skipped_steps": 0' in json_text(study_content(big_study))
    trials = [dataclasses.replace(one, skipped_steps=400) for one in big_study.trials[:3]]
    wrong = dataclasses.replace(big_study, trials=(*trials, *big_study.trials[3:]))
    for text in (markdown(wrong), summary(wrong), study_text(wrong, None)):
        assert "Warning: the optimizer skipped 400 of " in text
        assert "steps (trial 0, and some in 2 more), whose gradients" in text
        assert "or train in mixed_bfloat16" in text
    assert "steps (trial 1), whose gradients were no" in trial_markdown(trials[1])
    assert "skipped" not in trial_text(big_study.trials[8], wrong, None)
    few = dataclasses.replace(big_study.trials[0], skipped_steps=3)
    assert "skipped" not in trial_markdown(few)


def test_a_traceback_is_told_by_its_last_words(big_study: StudyRecord) -> None:
    """On one line; `show STUDY TRIAL` has its lines too."""
    traceback = (
        "mine:train raised an exception:\nTraceback (most recent call last):\n"
        '  File "a.py", line 1, in a\n    1 / 0\n    ~~^~~\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "a.py", line 3, in b\n'
        "    raise ValueError\nValueError: first\n  and second"
    )
    assert words.reason(traceback) == "mine:train raised an exception: ValueError: first and second"
    assert words.reason("the machine\nis on fire") == "the machine is on fire"
    failed = dataclasses.replace(big_study.trials[0], state="failed", reason=traceback)
    text = trial_text(failed, big_study, 80)
    assert "mine:train raised an exception: ValueError" in " ".join(text.split("\n\n")[0].split())
    assert traceback in text
