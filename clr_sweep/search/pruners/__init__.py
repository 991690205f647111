"""Optuna pruners that know the schedule, so that no peak is held against a trough."""
