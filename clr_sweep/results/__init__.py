"""Comparison, figures and reports, made from what is stored and never from a live study."""
