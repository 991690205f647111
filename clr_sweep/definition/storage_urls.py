"""The URL of a database: whether it can keep a study, and the file that one of SQLite names."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from clr_sweep.common.nearest import hint
from clr_sweep.definition.problems import shown

PATTERN = r"^[A-Za-z][A-Za-z0-9+_]*://"
# Of a file: with two slashes it names a host.
_SQLITE = r"sqlite(\+\w+)?:///"
# In a path: where SQLAlchemy takes the query to begin, and what it takes for a quoted character;
# and braces, which Optuna fills in.
_MISREAD = re.compile(r"[?{}]|%(?=[0-9A-Fa-f]{2})")
_WANTED = "a database URL such as sqlite:///optuna.db or postgresql://host/name"
# Those that Optuna is made for; SQLAlchemy reads others too, of packages that are installed.
_KINDS = ("sqlite", "postgresql", "mysql", "mariadb")


def url_problem(url: str) -> str | None:
    """Why this names no database at all, as far as the URL tells; None where it names one."""
    wrong = f"must be {_WANTED}, got {shown(url)}"
    if not re.match(PATTERN, url):
        return wrong
    # Takes a while, which a sweep on the default storage need not wait for.
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        return wrong
    try:
        parsed.get_dialect()
    except NoSuchModuleError:
        kind, driver = parsed.get_backend_name(), parsed.drivername
        return f"{wrong}: SQLAlchemy knows no database {driver!r}{hint(kind, _KINDS)}"
    if parsed.get_backend_name() == "sqlite" and parsed.host:
        meant = url.replace("://", ":///", 1)
        return f"{wrong} - did you mean {meant!r}? A file has no host, as two slashes name one"
    return None


def storage_problem(url: str) -> str | None:
    """Why this names no database that can keep a study; None where it names one."""
    if (problem := url_problem(url)) is not None:
        return problem
    from sqlalchemy.engine import make_url

    if make_url(url).get_backend_name() != "sqlite" or sqlite_file(url) is not None:
        return None
    return (
        f"must name a file, such as sqlite:///optuna.db, got {shown(url)}: a database in memory "
        "is gone when the command ends, and its trials with it"
    )


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for a server, one in memory, and what is no URL."""
    if not re.match(_SQLITE, url):
        return None
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    name = parsed.database or ""
    if name.startswith("file:") and parsed.query.get("mode") != "memory":
        name = unquote(urlsplit(name).path)
    return None if not name or name.startswith((":", "file:")) else Path(name)


def absolute(url: str, folder: Path | None = None) -> str:
    """The URL with the whole path of a SQLite file, so that it holds in other folders too.

    Args:
        folder: in which a relative one is meant; None: the current one.
    """
    file = sqlite_file(url)
    return url if file is None else with_file(url, ((folder or Path()) / file).absolute())


def with_file(url: str, file: Path) -> str:
    """The URL of a SQLite file that names another one, in the same way.

    Of the path only what would be read as something else is quoted: MLflow makes the folder of
    what stands in the URL, as it stands there (`_make_parent_dirs_if_sqlite`).
    """
    kind, _, rest = url.partition(":///")
    old, mark, query = rest.partition("?")
    name = f"file:{quote(str(file))}" if unquote(old).startswith("file:") else str(file)
    return f"{kind}:///{_MISREAD.sub(lambda found: quote(found[0]), name)}{mark}{query}"
