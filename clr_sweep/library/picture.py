"""A figure that a notebook shows by itself."""

from __future__ import annotations

import io
import os

from matplotlib.figure import Figure


class Picture:
    """A figure of a study, of a trial or of a range test.

    A cell of a notebook that ends with it shows it, whatever backend Matplotlib is set to.

    Attributes:
        figure: Matplotlib's, to be changed or drawn elsewhere.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write it to a file, of the kind that its name ends with (`.png`, `.svg`, `.pdf`)."""
        self.figure.savefig(file)

    def show(self) -> None:
        """Show it in the cell of a notebook; anywhere else nothing."""
        from clr_sweep.study.notebook import in_notebook

        if in_notebook():
            from IPython.display import display

            display(self)

    def _repr_png_(self) -> bytes:
        written = io.BytesIO()
        self.figure.savefig(written, format="png")
        return written.getvalue()
