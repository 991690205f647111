"""Secrets of addresses: hidden whatever the key, the characters and the text around them."""

from __future__ import annotations

import logging
import sys
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from own_process import python

from clr_sweep.common.errors import ClrSweepError, InputError
from clr_sweep.common.secrets import HIDDEN, hidden, hidden_address, remember, secrets_of

SECRET = "s3cr3t"
MARK = "QxQxQ"  # stands in every generated secret, and nowhere else
SCHEMES = ["postgresql", "postgresql+psycopg2", "mysql+pymysql", "mssql+pyodbc", "http", "https"]
KEYS = ["password", "sslpassword", "passwd", "PWD", "token", "access_token", "apikey", "x", "sig"]
# No blank in a text: nobody could say there where such an address ends.
PIECES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8)
SECRETS = st.builds(lambda before, after: before + MARK + after, PIECES, PIECES)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """With a secret in the password, under a key, or in both; encoded or not."""
    encode = draw(st.sampled_from([str, quote_plus, lambda text: quote(text, safe="")]))
    in_user, in_query = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    user = f"user:{encode(draw(SECRETS))}@" if in_user else draw(st.sampled_from(["", "user@"]))
    address = f"{draw(st.sampled_from(SCHEMES))}://{user}host:5432/name"
    if in_query:
        # What is not encoded ends at "&" and so says where the rest begins.
        secret = draw(SECRETS).replace("&", "")
        address += f"?sslmode=require&{draw(st.sampled_from(KEYS))}={encode(secret)}"
        address += draw(st.sampled_from(["", "&connect_timeout=3"]))
    return address


@settings(deadline=None, max_examples=500)
@given(address=addresses(), around=st.sampled_from(["{}", "no {} here", "got '{}': no", '("{}",)']))
@example(address=f"postgresql://u:{MARK}/@#?:@h/x", around="{}")
@example(address=f"postgresql://u:p@h/x?password=a@{MARK}", around="got '{}', no")
def test_no_secret_is_left(address: str, around: str) -> None:
    """Of an address that nobody was told of, alone and in a message."""
    assert MARK not in hidden_address(address)
    shown = hidden(around.format(address))
    assert MARK not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"postgresql://u:{SECRET}@h:5432/x", "postgresql://u:***@h:5432/x"),
        (f"postgresql://u:p@h/x?password={SECRET}", "postgresql://u:***@h/x?password=***"),
        (
            f"postgresql://h/x?sslmode=require&sslpassword={SECRET}",
            "postgresql://h/x?sslmode=require&sslpassword=***",
        ),
        ("postgresql://u:s3/cr@3#t@h/x", "postgresql://u:***@h/x"),
        ("postgresql://u:s3 cr3t@h/x", "postgresql://u:***@h/x"),
        (f"https://{SECRET}@host/mlflow", "https://***@host/mlflow"),
        (f"https://u:{SECRET}@host:5000", "https://u:***@host:5000"),
        (f"https://host/x#access_token={SECRET}", "https://host/x#access_token=***"),
        (f"mssql+pyodbc://?odbc_connect=PWD%3D{SECRET}", "mssql+pyodbc://?odbc_connect=***"),
        (f"sqlite:///x.db?password={SECRET}", "sqlite:///x.db?password=***"),
        (f"postgresql//u:{SECRET}@h/x", "postgresql//u:***@h/x"),
    ],
)
def test_what_is_shown(address: str, shown: str) -> None:
    """The rest of the address stays, so that one sees which it is."""
    assert hidden_address(address) == shown
    assert secrets_of(address) != ()


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///optuna.db",
        "sqlite:////home/me@work/a:b@c/mlflow.db",
        "postgresql://me@host/x?sslmode=require",
        "http://127.0.0.1:5000/#/experiments/1?searchFilter=a&viewStateShareKey=b",
        "http://127.0.0.1:5000",
        "https://git@github.com/a/b",
        "a plain text: 1/2 // me@host",
        "file:///home/a:b@c",
    ],
)
def test_what_holds_no_secret(text: str) -> None:
    """It stays as it is."""
    assert hidden_address(text) == hidden(text) == text
    assert secrets_of(text) == ()


def test_what_drivers_write() -> None:
    """Of an address that was used, in whatever spelling, without the address."""
    remember("postgresql://me:wi%2Fth+a%40b@host/x?token=t0k3n-of-mine")
    for echo in ("wi/th+a@b", "wi%2Fth+a%40b", "wi/th a@b", "t0k3n-of-mine"):
        assert hidden(f"could not use {echo} here") == "could not use *** here"
    # urllib's: it took the password for a port, up to the slash.
    assert hidden("Port could not be cast to integer value as 'wi'").endswith("as '***'")
    assert hidden("host=h password='a b' user=u") == "host=h password=*** user=u"
    assert hidden("Authorization: Basic dTpw end") == "Authorization: Basic *** end"


def test_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's own ways to give a password, and those of the storages of its files."""
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "env-secret")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:uri-secret@host")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3-secret/+")
    assert hidden("a env-secret and uri-secret, s3-secret/+") == "a *** and ***, ***"


def test_errors_hide() -> None:
    """Every message of ours, whoever made its text."""
    text = f"postgresql://u:{SECRET}@h/x is away"
    assert SECRET not in str(ClrSweepError(text))
    error = InputError([text], "t.yaml")
    assert SECRET not in str(error) + "".join(error.problems)


def test_a_process_that_guards_itself() -> None:
    """Its log records, their tracebacks, and the one that it ends with, of a thread too."""
    code = f"""
import logging, threading
from clr_sweep.common.secrets import guard_process
guard_process()
logging.basicConfig()
url = "postgresql://u:{SECRET}@h/x"
logging.warning("away: %s", url)
try:
    raise ValueError(url)
except ValueError:
    logging.exception("failed")
def fail():
    raise KeyError(url)
thread = threading.Thread(target=fail)
thread.start()
thread.join()
raise RuntimeError(url)
"""
    done = python("-c", code, status=1)
    assert SECRET not in done.stdout + done.stderr
    assert "away: postgresql://u:***@h/x" in done.stderr
    for word in ("failed", "ValueError", "KeyError", "RuntimeError"):
        assert word in done.stderr


def test_a_record_that_is_wrong_is_still_logged() -> None:
    """What logging itself says of a caller's mistake is not lost."""
    from clr_sweep.common import secrets

    before = logging.getLogRecordFactory()
    try:
        secrets.guard_process()
        made = logging.getLogRecordFactory()("n", logging.INFO, "f", 1, "%d", ("text",), None)
        assert (made.msg, made.args) == ("%d", ("text",))
    finally:
        logging.setLogRecordFactory(before)
        sys.excepthook = sys.__excepthook__
