"""Addresses of stores: what is understood, and that no mistake repeats a password."""

import pytest

from sidecar.config import ConfigurationError, load, settings_table
from sidecar.config.store_address import StoreAddress, store_address
from sidecar.config.table import effective

GOOD = [
    ("redis://r", "redis://r:6379", "server", (("r", 6379),), False, 0),
    ("redis://127.0.0.1:7000/3", "redis://127.0.0.1:7000/3", "server", None, False, 3),
    ("rediss://cache.example:6380", "rediss://cache.example:6380", "server", None, True, 0),
    ("redis://[::1]:7000", "redis://[::1]:7000", "server", (("::1", 7000),), False, 0),
    ("valkey://v/0", "valkey://v:6379", "server", (("v", 6379),), False, 0),
    ("valkeys://v", "valkeys://v:6379", "server", (("v", 6379),), True, 0),
    ("unix:///run/redis.sock", "unix:///run/redis.sock", "socket", (), False, 0),
    ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=2", "socket", (), False, 2),
    (
        "redis+cluster://a:1,b:2",
        "redis+cluster://a:1,b:2",
        "cluster",
        (("a", 1), ("b", 2)),
        False,
        0,
    ),
    (
        "rediss+sentinel://a,[::1]:2/main/4",
        "rediss+sentinel://a:26379,[::1]:2/main/4",
        "sentinel",
        (("a", 26379), ("::1", 2)),
        True,
        4,
    ),
]

BAD = [
    "redis://",
    "redis:///0",
    "redis://a:0",
    "redis://a:65536",
    "redis://a:x",
    "redis://a/x",
    "redis://a/0/0",
    "redis://a,b",
    "redis://a?password=s3cret",
    "redis://a#s3cret",
    "redis://a b",
    "redis+sentinel://a",
    "redis+sentinel://a/",
    "redis+cluster://a/1",
    "unix://run/redis.sock",
    "unix:///",
    "unix:///a?x=s3cret",
    "memcached://a",
    "redis+x://a",
]


@pytest.mark.parametrize(
    "text, shown, kind, hosts, tls, database", GOOD, ids=lambda each: str(each)
)
def test_what_is_understood(
    text: str,
    shown: str,
    kind: str,
    hosts: tuple[tuple[str, int], ...] | None,
    tls: bool,
    database: int,
) -> None:
    found = store_address(text)
    assert (str(found), found.kind, found.tls, found.database) == (shown, kind, tls, database)
    assert hosts is None or found.hosts == hosts


@pytest.mark.parametrize(
    "text, user, password",
    [
        ("redis://:s3cret@r", "", "s3cret"),
        ("redis://me:s3%3Ac%40%2Fret@r/1", "me", "s3:c@/ret"),
        ("redis://me@r", "me", ""),
        ("rediss+sentinel://:s3cret@a,b/main", "", "s3cret"),
        ("unix://me:s3cret@/run/redis.sock", "me", "s3cret"),
    ],
)
def test_a_password_is_understood_and_not_shown(text: str, user: str, password: str) -> None:
    found = store_address(text)
    assert (found.user, found.password) == (user, password)
    assert "cret" not in repr(found) + str(found)


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("secret", ["", "me:s3cret@"])
def test_a_mistake_repeats_nothing(text: str, secret: str) -> None:
    written = text.replace("://", f"://{secret}", 1)
    with pytest.raises(ConfigurationError) as mistake:
        load({"SIDECAR_STORE": written})
    assert str(mistake.value).startswith("SIDECAR_STORE: ")
    assert "s3cret" not in str(mistake.value)


def test_the_settings_that_are_shown_hold_no_password() -> None:
    settings = load({"SIDECAR_STORE": "redis://me:s3cret@r/1"})
    assert isinstance(settings.store, StoreAddress)
    for shown in (effective(settings), settings_table(), repr(settings), settings.shown("store")):
        assert "s3cret" not in shown
    assert "redis://r:6379/1" in effective(settings)
