"""A study as one HTML file: what is shown, apart from how it looks."""
