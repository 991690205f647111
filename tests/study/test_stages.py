"""The stages of a sweep: what their driver imports before it has started a trial."""

from __future__ import annotations

from own_process import python

NOT_YET = ("keras", "matplotlib", "sklearn", "tensorflow")


def test_the_first_trial_does_not_wait_for_what_a_driver_needs_later() -> None:
    """The processes of trials have Keras; figures of the study are drawn while trials run."""
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"  # an editable install may import some of them itself
        "import clr_sweep.definition.loading, clr_sweep.study.stages\n"
        f"print(sorted({set(NOT_YET)} & sys.modules.keys() - before))"
    )
    assert python("-c", code).stdout == "[]\n"
