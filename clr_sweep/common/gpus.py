"""The variables that say which GPUs a process has."""

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""CUDA's own: the GPUs that a process sees."""

ASSIGNED_GPU = "CLR_SWEEP_GPU"
"""Set in the process of a job that was handed a GPU: which one, for people."""
