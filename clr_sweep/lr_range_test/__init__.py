"""Smith's learning-rate range test: its settings, what is recorded, and what follows from it.

What reads bounds off the curves (`curve`, `divergence`, `smoothing`, `rules`, `suggestion`) is
NumPy alone: it trains, samples and tracks nothing.
"""
