"""Figures, report, comparison and export, made from what is stored and never from a live study."""
