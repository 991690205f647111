"""What a `training.function` of the user's own is given, by names that its module can import."""

from clr_sweep.training.own_trial import OwnTrial as OwnTrial
from clr_sweep.training.own_trial import TrialOverError as TrialOverError
