"""Fashion-MNIST: each place and each route, with the real files."""

from __future__ import annotations

import gzip
import hashlib
import logging
import re
import shutil
import socketserver
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from platforms import needs_apt

from clr_sweep.common.errors import DataError
from clr_sweep.definition.data_names import DataOptions
from clr_sweep.training.data import fashion_mnist
from clr_sweep.training.data.datasets import load_dataset
from clr_sweep.training.data.fashion_mnist import DIGEST
from clr_sweep.training.data.fashion_mnist_files import FILES, IdxFile

IN_THE_CACHE = {"fashion_mnist", "fashion_mnist.lock"}


def idx(file: IdxFile, array: np.ndarray) -> bytes:
    """The idx format: a magic number (uint8, axes), each axis' length, the values."""
    header = struct.pack(f">I{len(file.shape)}I", 0x0800 + len(file.shape), *file.shape)
    return header + array.tobytes()


@pytest.fixture(scope="session")
def real_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four files, compressed, made again from this machine's copy of the data set."""
    data = load_dataset("fashion_mnist")
    folder = tmp_path_factory.mktemp("files")
    for key, file in FILES.items():
        content = idx(file, getattr(data, key))
        # the digests are those of the original files, so this is a check of both
        assert hashlib.sha256(content).hexdigest() == file.digest
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(content, 1))
    return folder


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has the data nowhere, and no apt."""
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("CLR_SWEEP_DATA", raising=False)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setenv("PATH", str(tmp_path / "no-tools"))
    monkeypatch.setenv("CLR_SWEEP_FASHION_MNIST_URL", "http://127.0.0.1:1/")
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return tmp_path


@pytest.fixture
def files(real_files: Path, bare: Path) -> Path:
    """A copy of the files, to be damaged."""
    return shutil.copytree(real_files, bare / "data")


@contextmanager
def answering(server: socketserver.TCPServer) -> Iterator[str]:
    """A server that answers in a thread; its address."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, Counter[str]]]:
    """A web server for the files of a folder; its address, and how often each was asked for."""
    asked: Counter[str] = Counter()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def do_GET(self) -> None:
            asked[self.path] += 1
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with answering(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url, asked


@pytest.mark.usefixtures("bare")
def test_the_data_set_is_the_published_one(real_files: Path) -> None:
    """Shapes, types, classes and the well-known first images are those of Fashion-MNIST."""
    data = load_dataset("fashion_mnist", DataOptions(folder=real_files))
    assert data.x_train.shape == (60_000, 28, 28, 1)
    assert data.x_test.shape == (10_000, 28, 28, 1)
    assert {array.dtype for array in data.arrays().values()} == {np.dtype(np.uint8)}
    assert np.bincount(data.y_train).tolist() == [6000] * 10
    assert np.bincount(data.y_test).tolist() == [1000] * 10
    assert data.y_train[:5].tolist() == [9, 0, 0, 3, 0]
    assert round(float(data.x_train.mean()), 4) == 72.9404  # .2860 of 255, as often published
    assert data.digest == DIGEST
    assert not data.x_train.flags.writeable


def test_the_cache_serves_the_second_load(real_files: Path, bare: Path) -> None:
    """Once loaded, no other place is needed, and the same files are mapped."""
    first = load_dataset("fashion_mnist", DataOptions(folder=real_files))
    second = load_dataset("fashion_mnist")
    assert second.folder == first.folder == bare / "cache" / "fashion_mnist"
    assert second.source == str(real_files)


@pytest.mark.parametrize("place", ["CLR_SWEEP_DATA", "keras", "debian"])
def test_every_place_is_looked_in(
    real_files: Path, bare: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The variable's folder, Keras' cache and Debian's folder each give the data."""
    folder = bare / ("keras/datasets/fashion-mnist" if place == "keras" else place)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(real_files)
    if place == "CLR_SWEEP_DATA":
        monkeypatch.setenv("CLR_SWEEP_DATA", str(folder))
    data = load_dataset("fashion_mnist")
    assert (data.digest, data.source) == (DIGEST, str(folder))


def test_uncompressed_files_and_a_subfolder_are_accepted(real_files: Path, bare: Path) -> None:
    """The plain idx files serve as well, also in a subfolder fashion-mnist of the folder."""
    (bare / "data" / "fashion-mnist").mkdir(parents=True)
    for file in FILES.values():
        content = gzip.decompress((real_files / f"{file.name}.gz").read_bytes())
        (bare / "data" / "fashion-mnist" / file.name).write_bytes(content)
    assert load_dataset("fashion_mnist", DataOptions(folder=bare / "data")).digest == DIGEST


@pytest.mark.parametrize("damage", ["truncated", "flipped", "another", "empty", "far too much"])
def test_a_damaged_file_is_named_with_both_digests(files: Path, bare: Path, damage: str) -> None:
    """A wrong file in the folder given stops the load and says what was expected and found.

    A small file that holds gigabytes is cut off: it costs no memory.
    """
    file = FILES["y_test"]
    path = files / f"{file.name}.gz"
    content = path.read_bytes()
    path.write_bytes(
        {
            "truncated": content[: len(content) // 2],
            "flipped": content[:99] + bytes([content[99] ^ 255]) + content[100:],
            "another": gzip.compress(b"<html>not here</html>"),
            "empty": b"",
            "far too much": gzip.compress(bytes(50 * 2**20)),
        }[damage]
    )
    with pytest.raises(DataError, match=f"{path} is damaged or another file") as raised:
        load_dataset("fashion_mnist", DataOptions(folder=files))
    message = str(raised.value)
    assert f"must be {file.digest} (10008 bytes), got " in message
    assert message.count(file.digest) == 1
    if damage == "far too much":
        assert re.search(r"got \w+ \(10009 bytes or more\)", message)
    assert not (bare / "cache").exists()


def test_a_missing_file_is_named(files: Path) -> None:
    """Three of four files are not enough, and the fourth is asked for."""
    (files / f"{FILES['x_test'].name}.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz is missing"):
        load_dataset("fashion_mnist", DataOptions(folder=files))


def test_keras_download_is_the_next_route(real_files: Path, bare: Path) -> None:
    """The files come from the address that is named, the smallest first, and are kept."""
    with serving(real_files) as (url, asked):
        data = fashion_mnist.load(base_url=url)
    assert list(asked) == [f"/{file.name}.gz" for file in FILES.values()]
    assert (data.digest, data.source) == (DIGEST, url)
    assert load_dataset("fashion_mnist").source == url
    assert {entry.name for entry in (bare / "cache").iterdir()} == IN_THE_CACHE


def test_processes_that_start_together_fetch_once(
    real_files: Path, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first use by several processes ends in one download and one copy."""
    code = (
        "from pathlib import Path\n"
        "from clr_sweep.training.data import fashion_mnist\n"
        f"fashion_mnist.DEBIAN_FOLDER = Path({str(bare / 'debian')!r})\n"
        "data = fashion_mnist.load()\n"
        "print(data.digest, int(data.y_train.sum()))\n"
    )
    with serving(real_files) as (url, asked):
        monkeypatch.setenv("CLR_SWEEP_FASHION_MNIST_URL", url)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        answers = [process.communicate() for process in processes]
    assert [out for out, _ in answers] == [f"{DIGEST} 270000\n"] * 3, answers
    assert set(asked.values()) == {1}


def test_a_wrong_answer_is_refused_after_the_first_file(bare: Path) -> None:
    """A login page in place of the data is told by its digest, and the large files are spared."""
    (bare / "web").mkdir()
    for file in FILES.values():
        (bare / "web" / f"{file.name}.gz").write_text("<html>please log in</html>")
    with serving(bare / "web") as (url, asked):
        with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz is damaged or another"):
            fashion_mnist.load(base_url=url)
        assert sum(asked.values()) == 1


@pytest.mark.usefixtures("bare")
def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence ends in a reason, not in waiting for ever."""
    monkeypatch.setattr(fashion_mnist, "_ANSWER_SECONDS", 0.2)
    over = threading.Event()

    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            over.wait()

    with answering(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent)) as url:
        try:
            with pytest.raises(DataError, match="timed out"):
                fashion_mnist.load(base_url=url)
        finally:
            over.set()


def test_when_nothing_works_everything_tried_is_named(
    bare: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each place and each route has its line with its reason, after the cure."""
    monkeypatch.setenv("CLR_SWEEP_DATA", str(bare / "absent"))
    (bare / "empty").mkdir()
    (bare / "keras" / "datasets" / "fashion-mnist").mkdir(parents=True)
    damaged = bare / "keras" / "datasets" / "fashion-mnist" / f"{FILES['y_test'].name}.gz"
    damaged.write_bytes(b"?")
    with caplog.at_level(logging.INFO, "clr_sweep"), pytest.raises(DataError) as raised:
        load_dataset("fashion_mnist", DataOptions(folder=bare / "empty"))
    cure, *reasons = raised.value.problems
    assert "CLR_SWEEP_DATA" in cure
    assert "train-images-idx3-ubyte.gz" in cure
    expected = [
        f"- the data folder {bare / 'empty'}: holds none of the files",
        f"- $CLR_SWEEP_DATA {bare / 'absent'}: there is no such folder",
        f"- the cache {bare / 'cache'}: no data set",
        f"- Keras' cache {damaged.parent}: {damaged} is damaged or another file",
        f"- Debian's folder {bare / 'debian'}: there is no such folder",
        "- the download from http://127.0.0.1:1/: http://127.0.0.1:1/t10k-labels",
        "- Debian's package dataset-fashion-mnist: apt-get and dpkg-deb not found",
    ]
    assert len(reasons) == len(expected)
    for reason, start in zip(reasons, expected, strict=True):
        assert reason.startswith(start), reason
    assert "Connection refused" in reasons[5]
    assert "downloading http://127.0.0.1:1/" in caplog.text


@pytest.mark.network
@needs_apt
def test_debians_package_is_the_last_route(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With apt on the machine, the package gives the data when all else has failed."""
    monkeypatch.setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    data = load_dataset("fashion_mnist")
    assert (data.digest, data.source) == (DIGEST, "Debian package dataset-fashion-mnist")
    assert {entry.name for entry in (bare / "cache").iterdir()} == IN_THE_CACHE
