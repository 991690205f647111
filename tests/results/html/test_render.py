"""The report as a file: whatever stands in a study is shown as text, and nothing is fetched."""

from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from written_sweeps import sweep

from clr_sweep.results.html.render import report_html
from clr_sweep.training.records import StudyRecord, StudySource

HOSTILE = "<script>alert('1')</script>\"'&amp;{{ 7 * 7 }}"
# Without an end, as HTML has them.
_VOID = {"meta", "link", "img"}


class Read(HTMLParser):
    """The tags, the attributes and the texts of a file; every tag is closed by its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def read(big_study: StudyRecord) -> Read:
    """The file of a study with fifty trials."""
    return Read(report_html(big_study))


def test_hostile_names_are_shown_as_they_are(build: Any) -> None:
    """In the name of the study, a reason, a hyperparameter and the sweep file."""
    trials = [
        build.trial(0, params={HOSTILE: HOSTILE}),
        dataclasses.replace(build.trial(1, "failed", 1), reason=HOSTILE),
    ]
    source = StudySource(sweep({"description": HOSTILE}), f"# {HOSTILE}\n", HOSTILE, {})
    study = build.study(trials, build.baseline(), name=HOSTILE, source=source)
    read = Read(report_html(study))
    assert not read.all("script")
    whole = " ".join(read.texts)
    assert whole.count(HOSTILE) >= 5
    assert f"# {HOSTILE}\n" in read.texts


def test_a_secret_in_an_address_is_hidden(build: Any) -> None:
    """In the sweep file as it was written, which may name a storage."""
    text = "study: {storage: 'postgresql://me:hunter2secret@host/db'}\n"
    study = build.study([build.trial(0)], source=StudySource(sweep({}), text, "s.yaml", {}))
    assert "hunter2secret" not in report_html(study)
    assert "me:***@host" in report_html(study)


def test_nothing_is_fetched(read: Read) -> None:
    """Images are in the file; no address leads out of it, and a browser is told so too."""
    images = read.all("img")
    assert len(images) > 8
    for image in images:
        assert str(image["src"]).startswith("data:image/svg+xml;base64,")
        assert image["alt"]
    links = [value for _, a in read.tags for key, value in a.items() if key in ("href", "action")]
    assert links
    assert all(str(link).startswith(("#", "data:")) for link in links)
    (policy,) = (a for a in read.all("meta") if "http-equiv" in a)
    assert str(policy["content"]).startswith("default-src 'none'")
    assert not [text for text in read.texts if "url(" in text or "@import" in text]
    anchors = {a["id"] for _, a in read.tags if "id" in a}
    assert {str(link)[1:] for link in links if str(link).startswith("#")} <= anchors


def test_images_are_whole_and_ask_for_nothing(read: Read) -> None:
    """SVG whose every reference is to a part of itself."""
    for image in read.all("img"):
        text = base64.b64decode(str(image["src"]).split(",")[1]).decode()
        root = ElementTree.fromstring(text)
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        used = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', text))
        assert used
        assert {one or other for one, other in used} <= set(ids)
        assert not re.findall(r'href="(?!#|data:)[^"]*"', text)


@pytest.mark.heavy
def test_the_same_study_gives_the_same_file(build: Any) -> None:
    """So that the artifact and the command's file can be held against each other."""
    study = build.study([build.trial(0), build.trial(1, "pruned", 3)], build.baseline())
    assert report_html(study) == report_html(study)
