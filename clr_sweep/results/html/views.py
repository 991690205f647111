"""What a page shows, as plain values: the template only lays it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

NOTHING = "-"
"""What stands in a cell that has no value."""


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        caption: what it holds; read aloud before it.
        head: a cell for each column.
        rows: each as long as the head.
        align: a letter for each column, l or r (numbers); left where it is shorter.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str = ""

    def side(self, column: int) -> str:
        """How a column is aligned: l or r."""
        return self.align[column : column + 1] or "l"

    def trimmed(self) -> Table:
        """The table without the columns in which no row has anything."""
        kept = [i for i in range(len(self.head)) if {row[i] for row in self.rows} - {"", NOTHING}]
        return Table(
            self.caption,
            tuple(self.head[i] for i in kept),
            tuple(tuple(row[i] for i in kept) for row in self.rows),
            "".join(self.side(i) for i in kept),
        )


@dataclass(frozen=True)
class Picture:
    """A figure with the words that stand for it.

    Attributes:
        alt: what it shows, for those who do not see it.
        caption: how to read it; empty where the figure says that itself.
        is_half: two of them stand side by side where there is room.
    """

    figure: Figure
    alt: str
    caption: str = ""
    is_half: bool = False


@dataclass(frozen=True)
class Verdict:
    """What came out: the first thing on the page.

    Attributes:
        sentences: the result first; what has to be known beside it after that.
        figure: the arms, each run a dot.
        notes: what has to be known to read the verdict rightly.
    """

    sentences: tuple[str, ...]
    figure: Figure | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the page; it is shown in the order of its fields.

    Attributes:
        anchor: its name within the page's address.
        facts: names and their values.
        commands: what to type, each with a comment above it that says what for.
        fold: a title and a long text that is shown when it is asked for.
    """

    anchor: str
    title: str
    paragraphs: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    commands: tuple[str, ...] = ()
    fold: tuple[str, str] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show below its title."""
        return not any((
            self.paragraphs, self.facts, self.pictures, self.tables, self.commands, self.fold
        ))  # fmt: skip


@dataclass(frozen=True)
class Page:
    """The whole page.

    Attributes:
        status: how far the study is, in one line.
    """

    title: str
    status: str
    verdict: Verdict
    sections: tuple[Section, ...]


def alt_of(figure: Figure) -> str:
    """The title and the subtitle of a figure of ours, which say what it shows."""
    texts = {text.get_gid(): text.get_text() for text in figure.texts}
    return ". ".join(texts[gid] for gid in ("title", "subtitle") if texts.get(gid))


def whole(figures: Sequence[Figure]) -> tuple[Picture, ...]:
    """Figures of ours, which bring their titles, each in a row of its own."""
    return tuple(Picture(figure, alt_of(figure)) for figure in figures)
