"""Smith's learning-rate range test: what is recorded, and what bounds follow from it.

NumPy alone: nothing here trains, samples or tracks.
"""
