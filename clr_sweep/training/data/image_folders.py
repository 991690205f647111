"""Folders of images, one for each class: which images there are, without reading any.

Found, numbered and left out as keras.utils.image_dataset_from_directory does it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clr_sweep.common.errors import DataError
from clr_sweep.common.file_kinds import other_than_file
from clr_sweep.common.nearest import hint
from clr_sweep.definition.data_names import named_within, test_without_effect
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.data.contents import contents, first_few
from clr_sweep.training.data.paths import absent, candidates
from clr_sweep.training.data.splits import split_off_test, test_problem

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_LAYOUT = "a folder for each class, or train/ and test/ with these"


@dataclass(frozen=True)
class ImagePart:
    """The images of a folder that has one for each class.

    Attributes:
        files: sorted by class, then by path.
        labels: the classes' numbers, int32, (n,).
        left_out: how many files and links below it are no images.
    """

    folder: Path
    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: Array
    left_out: int


@dataclass(frozen=True)
class ImageFolder:
    """What a sweep's folder of images holds.

    Attributes:
        train: all images, where there is no test part.
        beside: what lies beside train/ and test/ and is not read.
    """

    folder: Path
    train: ImagePart
    test: ImagePart | None
    beside: tuple[str, ...]

    def parts(self, test: int | float | None) -> dict[str, tuple[Sequence[Path], Array]]:
        """The files and labels of the training and of the test part.

        Args:
            test: what is held out where the folder has no test part.

        Raises:
            DataError: that cannot be held out of it, or it has a test part.
        """
        both = self.train.files, self.train.labels
        if self.test is None:
            rows = dict(zip(("train", "test"), split_off_test(len(both[0]), test), strict=True))
            return {part: ([both[0][row] for row in of], both[1][of]) for part, of in rows.items()}
        if test is not None:
            raise DataError(f"dataset.test: {test_without_effect(str(self.folder), test)}")
        return {"train": both, "test": (self.test.files, self.test.labels)}

    def test_problem(self, name: str, test: int | float | None) -> str | None:
        """What is wrong with `dataset.test` for these images; None where nothing is."""
        if self.test is None:
            return test_problem(len(self.train.files), test)
        return None if test is None else test_without_effect(name, test)

    def described(self) -> str:
        """The folder, its classes, and what of it is not read: for people."""
        left_out = self.train.left_out + (0 if self.test is None else self.test.left_out)
        files = (
            "1 file that is no image" if left_out == 1 else f"{left_out} files that are no images"
        )
        others = [files] * bool(left_out) + list(self.beside)
        return f"{self.folder} ({contents(self.train.classes, others)})"


def find_images(name: str, search_path: Sequence[Path]) -> ImageFolder:
    """What the folder of `images:FOLDER` holds.

    Looked for in the folders of the search path in their order, then in the current folder.

    Raises:
        DataError: it is in none of them, or it is not laid out as folders of images; holds every
            problem.
    """
    folder = _find(name, search_path)
    below = _folders(folder)
    # A class may be named train or test: then no classes lie in it.
    holds_classes = [part for part in ("train", "test") if part in below and _folders(below[part])]
    if not holds_classes:
        part = _read(folder)
        return ImageFolder(folder, part, None, ())
    if holds_classes == ["train"] and "test" not in below:
        raise DataError(
            f"has train/ and no test/: name its folder, images:{named_within(name).rstrip('/')}"
            f"/train, of which dataset.test holds a part out, or put test/ beside it",
            str(folder),
        )
    if "train" not in below:
        raise DataError("has test/ and no train/: put it beside it", str(folder))
    train, test = _both(below["train"], below["test"])
    beside = [f"{other}/" for other in below if other not in ("train", "test")]
    return ImageFolder(folder, train, test, tuple(beside))


def _both(train: Path, test: Path) -> tuple[ImagePart, ImagePart]:
    problems, found = [], []
    for folder in (train, test):
        try:
            found.append(_read(folder))
        except DataError as error:
            problems += [f"{folder.name}/: {problem}" for problem in error.problems]
    if problems:
        raise DataError(problems, str(train.parent))
    first, second = found
    for has, lacks in ((first, second), (second, first)):
        missing = [
            f"{lacks.folder.name}/: has no class {name!r}, which {has.folder.name}/ has"
            f"{hint(name, set(lacks.classes) - set(has.classes))}: both must have the same"
            for name in has.classes
            if name not in lacks.classes
        ]
        problems += first_few(missing, f"classes that {has.folder.name}/ alone has")
    if problems:
        raise DataError(problems, str(train.parent))
    return first, second


def _read(folder: Path) -> ImagePart:
    """Raises: DataError: there are not two folders of images in it at least, or some cannot be."""
    classes = tuple(_folders(folder))
    files: list[Path] = []
    labels: list[int] = []
    others = [Path(entry.path) for entry in _entries(folder) if not os.path.isdir(entry.path)]
    left_out = len(others)
    # One that leads nowhere may have been a class, which would be missing in silence.
    links = [path for path in sorted(others) if path.is_symlink() and path.name[0] != "."]
    unreadable = [problem for path in links if (problem := _dead_link(path, folder))]
    empty = []
    for number, name in enumerate(classes):
        before = len(files)
        for path in _files(folder / name):
            # As in Keras, a link to a folder is none, whatever it is called.
            if not path.name.lower().endswith(SUFFIXES) or os.path.isdir(path):
                left_out += 1
                continue
            files.append(path)
            if problem := _not_readable(path, folder):
                unreadable.append(problem)
        labels += [number] * (len(files) - before)
        if len(files) == before:
            empty.append(
                f"the class {name!r} has no images ({', '.join(SUFFIXES)}): put some into its "
                f"folder, or remove it"
            )
    problems = [
        *first_few(empty, "classes have no images"),
        *first_few(unreadable, "files cannot be read"),
    ]
    if not files:
        flat = sum(1 for entry in _entries(folder) if entry.name.lower().endswith(SUFFIXES))
        lie = f"; {flat} lie in no such folder" if flat else ""
        problems = [
            *first_few(unreadable, "files cannot be read"),
            f"holds no images ({', '.join(SUFFIXES)}) in folders for their classes{lie}: must "
            f"have {_LAYOUT}",
        ]
    elif len(classes) == 1:
        problems.append(
            f"holds one class alone, {classes[0]!r}, so that there is nothing to tell apart: must "
            f"have {_LAYOUT}"
        )
    if problems:
        raise DataError(problems, str(folder))
    return ImagePart(folder, classes, tuple(files), np.array(labels, np.int32), left_out)


def _not_readable(path: Path, folder: Path) -> str | None:
    """Why a file with the name of an image cannot be read as one, if that shows without reading."""
    if os.path.isfile(path):
        return None
    if kind := other_than_file(path):  # reading a pipe would wait for ever
        return f"{path.relative_to(folder)}: must be an image, got {kind}: remove it"
    return _dead_link(path, folder)


def _dead_link(path: Path, folder: Path) -> str | None:
    """What is wrong with a file, a link as a rule, that the system does not find; else None."""
    try:
        path.stat()
    except OSError as error:
        to = f"the link to {os.readlink(path)} " if path.is_symlink() else ""
        why = error.strerror
        return f"{path.relative_to(folder)}: {to}cannot be read ({why}): mend or remove it"
    return None


def _files(folder: Path) -> Iterator[Path]:
    """All files below, and links to folders, which are not followed; in Keras' order."""

    def refuse(error: OSError) -> None:
        raise DataError(f"cannot be read: {error.strerror}", str(error.filename)) from error

    for root, folders, files in sorted(os.walk(folder, onerror=refuse), key=lambda found: found[0]):
        yield from (Path(root, file) for file in sorted(files))
        yield from (link for below in folders if (link := Path(root, below)).is_symlink())


def _folders(folder: Path) -> dict[str, Path]:
    """The folders in it that stand for something, by their names, sorted."""
    # Not entry.is_dir: it raises where links go round in a circle.
    found = {
        entry.name: Path(entry.path) for entry in _entries(folder) if os.path.isdir(entry.path)
    }
    return {name: found[name] for name in sorted(found) if not name.startswith(".")}


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", str(folder)) from error


def _find(name: str, search_path: Sequence[Path]) -> Path:
    text = named_within(name)
    if not text:
        raise DataError("names no folder: images:FOLDER, such as images:photos")
    looked_for = candidates(text, search_path)
    for candidate in looked_for:
        if os.path.isdir(candidate):
            return candidate.resolve()
    for candidate in looked_for:
        if os.path.lexists(candidate):
            raise DataError(f"must be a folder of images, with {_LAYOUT}", str(candidate))
    module = ""
    if any(Path(folder, "images.py").is_file() for folder in (*search_path, Path.cwd())):
        module = "; a function of a module images.py cannot be named so: rename the module"
    raise DataError(f"{absent('folder', text, looked_for, _folders)}{module}")
