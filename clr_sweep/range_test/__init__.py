"""Smith's learning-rate range test, all of it: its settings, what is recorded, what follows from it.

What reads bounds off the curves (`curve`, `divergence`, `smoothing`, `rules`, `suggestion`) is NumPy
alone: it trains, samples and tracks nothing.
"""
