"""Nothing secret is shown: passwords and tokens of addresses, in whatever text they stand.

What is hidden rather errs on the side of too much: a password that is not encoded, as it should
be, may hold any character, so it reaches to the last "@"; and a value after "?" is shown only
under a key that is known to hold no secret.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from functools import lru_cache
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"
# Of databases' drivers, and of the pages of MLflow's UI; in lower case.
_HARMLESS_KEYS = """
host hostaddr port user username dbname database db schema options_file sslmode sslcert sslrootcert
sslcrl ssl_ca ssl_cert ssl_verify_cert ssl_disabled ssl connect_timeout connecttimeout timeout
read_timeout write_timeout charset collation encoding client_encoding application_name appname
target_session_attrs keepalives keepalives_idle keepalives_interval keepalives_count gssencmode
channel_binding replication fallback_application_name driver trustservercertificate encrypt
trusted_connection autocommit unix_socket local_infile use_unicode sql_mode plugin mode cache
uri nolock immutable vfs check_same_thread isolation_level cached_statements detect_types
workspace experiments runs viewstatesharekey searchfilter orderbykey orderbyasc starttime
lifecyclefilter modelversionfilter datasetsfilter comparerunsmode o
"""
_HARMLESS = frozenset(_HARMLESS_KEYS.split())
# Begun where a word begins, so that a long text without any costs no more than its length.
_ADDRESS = re.compile(r"(?<![A-Za-z0-9+.\-])[A-Za-z][A-Za-z0-9+.\-]*(?::/+|//+)\S*")
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)(?::/+|//+)")
_KEY = re.compile(r"[\w.\-]+")
# A fragment of keys and values is one too; the path of a page in MLflow's UI is not.
_QUERY = re.compile(r"\?|#(?=[^/?#]*=)")
_LOOKS_LIKE_QUERY = re.compile(r"[?&;#][^=@]*=")
# How drivers and HTTP libraries write what they were given.
_WRITTEN = (
    re.compile(r"(?i)(\b\w*(?:passw(?:or)?d|passphrase|pwd)=)(?:'[^']*'|\"[^\"]*\"|\S+)"),
    re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer)\s+)[^\s'\"]+"),
)
_SECRET_VARIABLES = (
    "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD", "MYSQL_PWD",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_CONNECTION_STRING",
)  # fmt: skip
_ADDRESS_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_BACKEND_STORE_URI")
# A part of a password that a driver took for something else; shorter ones are words of messages.
_SHORTEST_PART = 4

_remembered: set[str] = set()


def remember(address: str) -> None:
    """From now on hide the secrets of this address wherever they stand, without it too."""
    if secrets_of(address):
        _remembered.add(address)


def hidden_address(address: str) -> str:
    """An address with *** in place of each secret; what is no address as `hidden` has it."""
    return _one(address) if _PREFIX.match(address) else hidden(address)


def hidden(text: str) -> str:
    """A text with *** in place of each secret of each address in it, and of those known here."""
    if "//" in text or ":/" in text:
        text = _ADDRESS.sub(_in_text, text)
    for pattern in _WRITTEN:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    for pattern in _known():
        text = pattern.sub(HIDDEN, text)
    return text


def secrets_of(address: str) -> tuple[str, ...]:
    """What `hidden_address` hides, as it stands there."""
    found = _PREFIX.match(address)
    if found is None:
        return ()
    scheme, rest = found[1].lower(), address[found.end() :]
    secrets: list[str] = []
    if not _is_file(scheme) and "@" in rest:
        before = rest.rpartition("@")[0]
        user, colon, password = before.partition(":")
        if colon:
            # As it should be read, and as those read it who stop at the first "@" or "/".
            secrets += [password, password.partition("@")[0], password.partition("/")[0]]
        elif _is_token(scheme, user):
            secrets.append(user)
    begins = _QUERY.search(rest)
    for piece in rest[begins.end() :].split("&") if begins else ():
        key, equals, value = piece.partition("=")
        if equals and not _is_harmless(key, value):
            secrets.append(value)
    return tuple(dict.fromkeys(secret for secret in secrets if secret))


def guard_process() -> None:
    """Hide secrets in what this process logs, and in the traceback that it may end with."""
    sys.excepthook = _excepthook
    threading.excepthook = _thread_excepthook
    before = logging.getLogRecordFactory()
    if getattr(before, "hides_secrets", False):
        return

    def record(*arguments: Any, **keywords: Any) -> logging.LogRecord:
        made = before(*arguments, **keywords)
        try:
            made.msg, made.args = hidden(made.getMessage()), ()
        except (TypeError, ValueError):
            return made  # a mistake of its caller's, which logging reports
        if made.exc_info and made.exc_info[0] is not None:
            made.exc_text = hidden("".join(traceback.format_exception(*made.exc_info))).rstrip()
        return made

    record.hides_secrets = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(record)


def _excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    print(hidden("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


def _thread_excepthook(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
        _excepthook(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)


def _in_text(found: re.Match[str]) -> str:
    address, start = found[0], found.start()
    quoted = found.string[start - 1] if start else ""
    if quoted in ("'", '"', "`"):
        # What follows its closing quote is no part of it, if there is but one.
        address, closing, rest = address.rpartition(quoted)
        if closing and rest.strip(")]}.,:;") == "":
            return _one(address) + closing + rest
    return _one(found[0])


def _one(address: str) -> str:
    found = _PREFIX.match(address)
    assert found is not None
    scheme, rest = found[1].lower(), address[found.end() :]
    if not _is_file(scheme):
        rest = _without_user_secrets(scheme, rest)
    return found[0] + _without_query_secrets(rest)


def _without_user_secrets(scheme: str, rest: str) -> str:
    before, at, after = rest.rpartition("@")
    user, colon, password = before.partition(":")
    if not at:
        return rest
    if not colon:
        return f"{HIDDEN}@{after}" if _is_token(scheme, user) else rest
    if not password:
        return rest
    if _LOOKS_LIKE_QUERY.search(password):
        # The last "@" may stand in a value after "?", so what follows may be the end of a secret.
        after = HIDDEN
    return f"{user}:{HIDDEN}@{after}"


def _without_query_secrets(rest: str) -> str:
    begins = _QUERY.search(rest)
    if begins is None:
        return rest
    pieces = []
    for piece in rest[begins.end() :].split("&"):
        key, equals, value = piece.partition("=")
        if not equals:
            pieces.append(HIDDEN if piece else "")
        elif _is_harmless(key, value):
            pieces.append(piece)
        else:
            pieces.append(f"{key}={HIDDEN}" if _KEY.fullmatch(key) else HIDDEN)
    return rest[: begins.end()] + "&".join(pieces)


def _is_harmless(key: str, value: str) -> bool:
    return key.lower() in _HARMLESS and not re.search(r"[@=;]|://", value)


def _is_file(scheme: str) -> bool:
    """Whether the address names a file: there is no user in it, and "@" and ":" are its own."""
    return scheme == "file" or (scheme.startswith("sqlite") and "cipher" not in scheme)


def _is_token(scheme: str, user: str) -> bool:
    """Whether what stands for a user is what lets one in, as in https://TOKEN@host."""
    return scheme.startswith(("http", "git+")) and not re.search(r"[/?#]", user) and user != "git"


def _known() -> tuple[re.Pattern[str], ...]:
    addresses = [os.environ.get(name, "") for name in _ADDRESS_VARIABLES]
    values = [os.environ.get(name, "") for name in _SECRET_VARIABLES]
    return _patterns(frozenset([*addresses, *_remembered]), frozenset(values))


@lru_cache(maxsize=8)
def _patterns(addresses: frozenset[str], values: frozenset[str]) -> tuple[re.Pattern[str], ...]:
    secrets = {secret for address in addresses for secret in secrets_of(address)} | set(values)
    return tuple(
        pattern
        for secret in sorted(secrets - {"", HIDDEN}, key=len, reverse=True)
        for pattern in _patterns_of(secret)
    )


def _patterns_of(secret: str) -> Iterator[re.Pattern[str]]:
    decoded = (secret, unquote(secret), unquote_plus(secret))
    spellings: list[str] = []
    for one in decoded:
        spellings += one, quote(one), quote(one, safe=""), quote_plus(one), repr(one)[1:-1]
    parts = [part for one in decoded for part in re.split(r"[/@#?:&]", one) if part]
    for text in sorted(dict.fromkeys([*spellings, *parts]), key=len, reverse=True):
        escaped = re.escape(text)
        if len(text) >= _SHORTEST_PART:
            yield re.compile(rf"(?<!\w){escaped}(?!\w)" if text.isidentifier() else escaped)
        yield re.compile(rf"(?<=['\"]){escaped}(?=['\"])")
