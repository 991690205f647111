"""What is in a figure: its artists by name, its marks, its texts, its pixels, its overlaps."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from clr_sweep.results import figures


def drawn(figure: Figure, gid: str) -> list[Any]:
    """The artists of a figure that carry a name."""
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def texts(figure: Figure) -> str:
    """Everything that is written in a figure."""
    return "\n".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))


def render(figure: Figure) -> bytes:
    """The figure as a PNG; layout and drawing run here."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=60)
    return file.getvalue()


def marks(figure: Figure, gid: str) -> np.ndarray:
    """The positions of the marks of a name, in all axes, shape (n, 2)."""
    found = [np.asarray(c.get_offsets()) for c in drawn(figure, gid)]
    return np.concatenate(found) if found else np.zeros((0, 2))


def shown(artist: Artist) -> bool:
    """Whether a text is drawn: visible, as are its axes, and no tick beyond the limits."""
    ax = artist.axes
    if not artist.get_visible() or (ax is not None and not ax.get_visible()):
        return False
    return artist.get_gid() is not None


def assert_inside(figure: Figure) -> None:
    """No text that is shown is cut off at an edge."""
    assert render(figure)
    frame = figure.bbox
    for artist in figure.findobj(lambda a: hasattr(a, "get_text") and bool(a.get_text())):
        if shown(artist):
            box = artist.get_window_extent()
            assert box.x0 >= frame.x0 - 1, artist
            assert box.x1 <= frame.x1 + 1, artist
            assert box.y1 <= frame.y1 + 1, artist


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Labels of lines that lie over one another once the figure is laid out."""
    render(figure)
    boxes = [(t.get_text(), t.get_window_extent()) for t in drawn(figure, "label")]
    return [
        (a, b)
        for i, (a, box) in enumerate(boxes)
        for b, other in boxes[i + 1 :]
        if box.overlaps(other) and box.shrunk(0.9, 0.8).overlaps(other.shrunk(0.9, 0.8))
    ]


def lr_figure(build: Any, record: Any, steps: int) -> Figure:
    """The rate figure of the first steps of a record."""
    t = np.arange(steps)
    rates = build.rates(record.config, t) if steps else np.zeros(0)
    losses = build.batch_losses(record.config, steps) if steps else np.zeros(0)
    return figures.learning_rate_figure(t, rates, losses, record)
