"""What a folder of images must hold: found by the names of its files alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from image_files import write_images
from own_process import modules, python
from written_sweeps import written

from clr_sweep.training.data.datasets import check_dataset_name


def _empty_class(folder: Path) -> None:
    (folder / "fish").mkdir()
    (folder / "fish/readme.md").touch()


def _train_alone(folder: Path) -> None:
    write_images(folder / "train", ["a", "b"], 1)


def _test_alone(folder: Path) -> None:
    write_images(folder / "test", ["a", "b"], 1)


def _other_classes(folder: Path) -> None:
    write_images(folder / "train", ["cats", "dog"], 1)
    write_images(folder / "test", ["cat", "dog"], 1)


def _one_class(folder: Path) -> None:
    (folder / "cat").rename(folder / "dog/cat")


def _flat(folder: Path) -> None:
    for index, image in enumerate(sorted(folder.glob("*/*"))):
        image.rename(folder / f"{index}.png")
    (folder / "cat").rmdir()
    (folder / "dog").rmdir()


def _classes_named_train_and_test(folder: Path) -> None:
    write_images(folder, ["train", "test"], 1)


def _dead_links(folder: Path) -> None:
    """Of an image, of what may be a class, and one that is in nobody's way."""
    (folder / "cat/gone.png").symlink_to("nowhere.png")
    (folder / "bird").symlink_to("bird")
    (folder / "dog/notes").symlink_to("nowhere")
    (folder / ".#lock").symlink_to("me@here")


def _a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "dog/live.jpg")


def _a_linked_folder(folder: Path) -> None:
    (folder / "dog/all.png").symlink_to(folder / "cat")


def _many_empty_classes(folder: Path) -> None:
    for number in range(300):
        (folder / f"empty{number:03d}").mkdir()


@pytest.mark.parametrize(
    ("name", "change", "messages"),
    [
        ("photos", lambda _: None, []),
        ("photos", _classes_named_train_and_test, []),
        ("photo", lambda _: None, ["there is no folder 'photo' - did you mean 'photos'?"]),
        ("", lambda _: None, ["names no folder: images:FOLDER"]),
        ("photos/cat/000.png", lambda _: None, ["000.png: must be a folder of images"]),
        ("photos/cat", lambda _: None, ["holds no images (.bmp, .gif, .jpeg, .jpg, .png) in "
                                        "folders for their classes; 2 lie in no such folder"]),
        ("photos", _flat, ["4 lie in no such folder: must have a folder for each class, or"]),
        ("photos", _one_class, ["holds one class alone, 'dog'"]),
        ("photos", _empty_class, ["the class 'fish' has no images (.bmp"]),
        ("photos", _train_alone, ["has train/ and no test/: name its folder, images:photos/train"]),
        ("photos", _test_alone, ["has test/ and no train/"]),
        ("photos", _other_classes, [
            "test/: has no class 'cats', which train/ has - did you mean 'cat'?",
            "train/: has no class 'cat', which test/ has - did you mean 'cats'?",
        ]),
        ("photos", _dead_links, [
            "bird: the link to bird cannot be read (Too many levels of symbolic links): mend",
            "cat/gone.png: the link to nowhere.png cannot be read (No such file or directory)",
        ]),
        ("photos", _a_pipe, ["dog/live.jpg: must be an image, got a named pipe (FIFO): remove it"]),
        ("photos", _a_linked_folder, []),
        ("photos", _many_empty_classes, [
            *(f"the class 'empty{number:03d}' has no images" for number in range(10)),
            "and 290 more classes have no images",
        ]),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_before_anything_starts(
    tmp_path: Path, name: str, change: Callable[[Path], None], messages: list[str]
) -> None:
    """All problems at once, each with its place and the cure; no image is opened."""
    write_images(tmp_path / "photos", ["cat", "dog"], 2)
    change(tmp_path / "photos")
    problems = check_dataset_name(f"images:{name}", [tmp_path])
    assert len(problems) == len(messages), problems
    for problem, message in zip(problems, messages, strict=True):
        assert message in problem


def test_check_and_run_refuse_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    """By its place, where the numbers of the images are asked for and where they are read."""
    write_images(tmp_path / "photos", ["cat", "dog"], 3)
    (tmp_path / "photos/cat/gone.png").symlink_to("nowhere.png")
    images = {"name": "images:photos", "image_size": [8, 8], "test": 2, "validation": 1}
    file = written(tmp_path, {"dataset": images, "training.batch_size": 2})
    for command in ("check", "run"):
        done = python(
            "-m", "clr_sweep", command, file, folder=tmp_path, status=2, PYTHONPATH=modules()
        )
        assert done.stderr == (
            f"clr-sweep: {file}: dataset.name: {tmp_path}/photos: cat/gone.png: the link "
            "to nowhere.png cannot be read (No such file or directory): mend or remove it\n"
        )


def test_a_module_of_the_kind_s_name_is_told_apart(tmp_path: Path) -> None:
    """A name such as `images:load` meant a function once."""
    (tmp_path / "images.py").write_text("def load(): ...\n")
    (problem,) = check_dataset_name("images:load", [tmp_path])
    assert "a function of a module images.py cannot be named so: rename the module" in problem


def test_the_folder_is_walked_once_when_a_sweep_is_read(tmp_path: Path) -> None:
    """It may hold a million files on a slow disk: its problems, its test part and its size."""
    write_images(tmp_path / "photos", ["cat", "dog"], 5)
    dataset = {"name": "images:photos", "image_size": [8, 8], "validation": 2, "test": 2}
    file = written(tmp_path, {"dataset": dataset, "training.batch_size": 2})
    code = (
        "import sys; from pathlib import Path; walked = []; "
        "sys.addaudithook(lambda event, told: walked.append(str(told[0])) "
        "if event == 'os.scandir' else None); "
        "from clr_sweep.definition.loading import load_sweep; "
        f"load_sweep(Path({str(file)!r})); "
        f"print(walked.count({str(tmp_path / 'photos' / 'cat')!r}))"
    )
    assert python("-c", code).stdout == "1\n"
