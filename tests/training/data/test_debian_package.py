"""Debian packages, downloaded by apt and unpacked without root."""

from __future__ import annotations

from pathlib import Path

import pytest
from platforms import needs_apt

from clr_sweep.training.data.debian_package import PackageError, unpack_debian_package


def test_a_machine_without_apt_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing tools are named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match="apt-get and dpkg-deb not found"):
        unpack_debian_package("dataset-fashion-mnist", tmp_path)


@needs_apt
def test_without_sources_both_attempts_fail_with_apts_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """apt without any source says that it cannot find the package; no folder of ours is left."""
    settings = tmp_path / "no-sources.conf"
    for kind in ("lists", "parts"):
        (tmp_path / kind / "partial").mkdir(parents=True)
    settings.write_text(
        f'Dir::State::lists "{tmp_path / "lists"}";\n'
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{tmp_path / "parts"}";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(settings))
    (tmp_path / "work").mkdir()
    # The second where it is installed: apt knows the package then, and no place to get it from.
    words = "Unable to locate package dataset-fashion-mnist|Can't find a source to download"
    with pytest.raises(PackageError, match=words):
        unpack_debian_package("dataset-fashion-mnist", tmp_path / "work")
    assert (tmp_path / "work" / "state" / "lists").is_dir()  # the second attempt was made


@pytest.mark.network
@needs_apt
@pytest.mark.parametrize("lists", ["system", "emptied"])
def test_the_real_package_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists: str
) -> None:
    """apt's own lists serve where there are any; where they are empty, ours are fetched."""
    if lists == "emptied":
        (tmp_path / "lists" / "partial").mkdir(parents=True)
        settings = tmp_path / "emptied.conf"
        settings.write_text(f'Dir::State::lists "{tmp_path / "lists"}";\n')
        monkeypatch.setenv("APT_CONFIG", str(settings))
    (tmp_path / "work").mkdir()
    root = unpack_debian_package("dataset-fashion-mnist", tmp_path / "work")
    files = sorted(path.name for path in (root / "usr/share/datasets/fashion-mnist").iterdir())
    assert files == [
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]
    if lists == "emptied":
        assert [path.name for path in (tmp_path / "lists").iterdir()] == ["partial"]
