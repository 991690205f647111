"""Downloads a Debian package with apt and unpacks it, without root and without installing it."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path

logger = logging.getLogger("clr_sweep")

# Of the machine's own settings the sources and keys are kept; what runs after an update (it tidies
# the system's caches) is not ours to start.
_NO_HOOKS = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""

_SECONDS = 600


class PackageError(Exception):
    """The package cannot be had; the message says why."""


def unpack_debian_package(package: str, work: Path) -> Path:
    """The root of the unpacked files of `package`.

    The machine's package lists are tried first. Where there are none, or they are too old, lists
    of our own are fetched into `work`, as any user may. apt checks the signatures.

    Args:
        work: an empty folder that is ours; it can be removed after use.

    Raises:
        PackageError: this is no Debian, or nothing answers.
    """
    absent = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if absent:
        raise PackageError(f"{' and '.join(absent)} not found on this machine's PATH")
    logger.info("downloading the Debian package %s with apt", package)
    archives = work / "archives"
    archives.mkdir()
    options = _common_options(work)
    try:
        _run(["apt-get", *options, "download", package], archives)
    except PackageError as error:
        logger.info("apt's own package lists do not serve (%s): fetching the lists", error)
        private = [*options, *_private_lists(work)]
        update_error = None
        try:
            _run(["apt-get", *private, "update"], archives)
        except PackageError as failed:
            update_error = failed  # one of many sources may have failed: the package decides
        try:
            _run(["apt-get", *private, "download", package], archives)
        except PackageError as failed:
            raise PackageError(
                f"{failed}" + (f"; {update_error}" if update_error else "")
            ) from error
    files = sorted(archives.glob("*.deb"))
    if not files:
        raise PackageError("apt-get download left no package file")
    root = work / "root"
    _run(["dpkg-deb", "-x", str(files[0]), str(root)], work)
    return root


def _common_options(work: Path) -> list[str]:
    settings = work / "apt.conf"
    settings.write_text(_NO_HOOKS, encoding="utf-8")
    # the sandbox's user could not write into our private folder
    return [
        "-q",
        "-c",
        str(settings),
        *_options(
            {
                "APT::Sandbox::User": "root",
                "Acquire::Retries": "1",
                "Acquire::http::Timeout": "20",
                "Acquire::https::Timeout": "20",
                "Acquire::Languages": "none",
            }
        ),
    ]


def _private_lists(work: Path) -> list[str]:
    state, cache = work / "state", work / "cache"
    (state / "lists" / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    # lists and archives too, which the machine's settings may have as absolute paths
    return _options(
        {
            "Dir::State": str(state),
            "Dir::State::lists": str(state / "lists"),
            "Dir::Cache": str(cache),
            "Dir::Cache::archives": str(cache / "archives"),
        }
    )


def _options(values: dict[str, str]) -> list[str]:
    return [part for key, value in values.items() for part in ("-o", f"{key}={value}")]


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PackageError(f"{command[0]} took over {_SECONDS} seconds") from error
    except OSError as error:
        raise PackageError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        told = [line for line in lines if line.startswith("E:")] or lines
        what = f"{command[0]} {'update' if 'update' in command else ''}".strip()
        raise PackageError(f"{what} failed with status {done.returncode}: " + " ".join(told[:3]))
