"""Data sets: where they come from, and the files that all trials share."""
