"""Figures as a page holds them: SVG in the page itself, sharp at any size."""

from __future__ import annotations

import base64
import io
import re

from matplotlib.figure import Figure

# Of a coordinate in points a hundredth is more than any screen or printer shows.
_LONG_NUMBER = re.compile(r"(\d+\.\d\d)\d+")
# Paths and places, not the sizes of letters, which are drawn at a small part of their own size.
_COORDINATES = re.compile(r' (?:d|x|y)="[^"]*"')
_ID = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(?<=href="#)[^"]*(?=")|(?<=url\(#)[^)]*(?=\))')
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.S)


class Address(str):
    """An address that stands in a page as it is: nothing in it could be taken for markup."""

    def __html__(self) -> str:
        return self


def svg(figure: Figure) -> str:
    """A figure as SVG, its letters as paths: it looks the same wherever it is opened.

    The same figure gives the same text.
    """
    if (engine := figure.get_layout_engine()) is not None:
        # `savefig` draws twice to find the layout; found before, it draws once.
        engine.execute(figure)
        figure.set_layout_engine("none")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = _METADATA.sub("", buffer.getvalue())
    text = _COORDINATES.sub(lambda found: _LONG_NUMBER.sub(r"\1", found[0]), text)
    # Matplotlib makes names up anew each time, and names what nothing refers to.
    used = {name: f"i{n}" for n, name in enumerate(dict.fromkeys(_REFERENCE.findall(text)))}
    text = _REFERENCE.sub(lambda found: used[found[0]], text)
    text = _ID.sub(lambda found: f' id="{used[found[1]]}"' if found[1] in used else "", text)
    return text[text.index("<svg") :]


def address(figure: Figure) -> Address:
    """A figure as the address of an image that is in the address itself.

    An image of its own, not a part of the page: its styles and names meet no other's.
    """
    data = base64.b64encode(svg(figure).encode()).decode()
    return Address(f"data:image/svg+xml;base64,{data}")


def size(figure: Figure) -> tuple[int, int]:
    """Width and height in the page's pixels, 96 an inch."""
    width, height = figure.get_size_inches()
    return round(96 * width), round(96 * height)
