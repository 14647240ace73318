"""Ids that name no session: not found, the engine not asked, no file touched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sagemaker.conftest import JSON, UNKNOWN, Site, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = {
    "unknown": UNKNOWN,
    "an-unknown-word": b"nobody",
    "a-directory-of-another": b"canary",
    "a-link": b"link",
    "a-dot": b".",
    "two-dots": b"..",
    "one-up": b"../x",
    "one-up-to-a-canary": b"../outside",
    "far-up": b"../../../../../../../../etc/passwd",
    "absolute": b"/etc/passwd",
    "a-slash": b"a/b",
    "a-slash-behind": b"canary/",
    "down-and-up": b"a/../canary",
    "here": b"./canary",
    "a-file-of-another": b"canary/file",
    "backslashes": b"..\\..\\x",
    "our-own-file": b".sidecar",
    "half-made": b".tmp-" + UNKNOWN,
    "half-gone": b".del-" + UNKNOWN,
    "escaped-dots": b"%2e%2e%2f",
    "an-escaped-slash": b"..%2fx",
    "an-escaped-zero": b"canary%00",
    "an-escaped-newline": b"canary%0a",
    "overlong-utf-8": b"..\xc0\xafx",
    "a-space": b"a b",
    "a-tab": b"a\tb",
    "a-semicolon": b"canary; Expires=2099-01-01T00:00:00Z",
    "a-comma": b"a,b",
    "a-star": b"*",
    "a-question-mark": b"?",
    "brackets": b"[a-z]*",
    "braces": b"{canary,x}",
    "a-home": b"~",
    "a-variable": b"$HOME",
    "a-command": b"`id`",
    "a-pipe": b"a|b",
    "a-quote": b"'a'",
    "double-quotes": b'"canary"',
    "a-format": b"%s%n{0}",
    "an-underscore": b"a_b",
    "a-hyphen-first": b"-rf",
    "a-hyphen-last": b"a-",
    "not-utf-8": b"\xff\xfe",
    "an-accent": "caf\u00e9".encode(),
    "a-letter-of-another-alphabet": "c\u0430nary".encode(),
    "a-wide-letter": "\uff43anary".encode(),
    "digits-of-another-script": "\u0661\u0662".encode(),
    "right-to-left": "\u202eyranac".encode(),
    "an-emoji": "\U0001f600".encode(),
    "new-session-in-lower-case": b"new_session",
    "new-session-and-more": b"NEW_SESSION, NEW_SESSION",
    "a-file-name-s-limit": b"a" * 255,
    "the-longest-id": b"a" * 256,
    "too-long": b"a" * 257,
    "far-too-long": b"a" * 5000,
    "long-behind-what-is-not-printable": "\u200b".encode() * 300 + b"a" * 300,
}


@pytest.fixture(scope="module")
def canaries(site: Site) -> Iterator[list[Path]]:
    """One that is no session although its name could be one's; one outside; a link to that."""
    inside, outside = site.directory / "canary", site.directory.parent / "outside"
    for canary in (inside, outside):
        canary.mkdir(mode=0o700)
        (canary / "file").write_text("here")
    link = site.directory / "link"
    link.symlink_to(outside)
    yield [canary / "file" for canary in (inside, outside, link)]
    assert link.is_symlink()


@pytest.mark.parametrize("kind", ["use", "close"])
@pytest.mark.parametrize("session", HOSTILE.values(), ids=HOSTILE)
async def test_not_found(site: Site, canaries: list[Path], session: bytes, kind: str) -> None:
    before = site.forwarded
    if kind == "use":
        answer = await site.ask(b"{}", JSON, session=session)
    else:
        answer = await site.control("CLOSE", session)
    assert (answer.status, site.forwarded) == (400, before)
    shown = "".join(filter(str.isprintable, session.decode("utf-8", "replace")))[:256]
    assert refusal(answer) == f"session not found: {shown}"
    assert [canary.read_text() for canary in canaries] == ["here"] * 3


@pytest.mark.parametrize("session", HOSTILE.values(), ids=HOSTILE)
async def test_a_path_of_the_engines_own(site: Site, session: bytes) -> None:
    before = site.forwarded
    answer = await site.ask(method=b"GET", target=b"/v1/models", session=session)
    assert (answer.status, site.forwarded) == (400, before)
    assert refusal(answer).startswith("session not found: ")


async def test_an_empty_header_names_no_session(site: Site) -> None:
    before = site.forwarded
    answer = await site.ask(b"{}", JSON, session=b"")
    assert (answer.status, site.forwarded) == (400, before)
    assert refusal(answer) == "session not found: "


@pytest.mark.parametrize(
    "session",
    [
        pytest.param(b"a\0b", id="a-zero-byte"),
        pytest.param(b"a\nb", id="a-line-feed"),
        pytest.param(b"a\nX-Evil: b", id="a-line-feed-and-a-header"),
        pytest.param(b"a\rb", id="a-carriage-return"),
        pytest.param(b"a\r\n b", id="a-folded-line"),
        pytest.param(b"a\x1b[31m", id="an-escape-sequence"),
        pytest.param(b"a\x7f", id="a-delete"),
        pytest.param(b"a\x0bb", id="a-vertical-tab"),
    ],
)
async def test_what_no_header_may_hold_is_refused(site: Site, session: bytes) -> None:
    before = site.forwarded
    answer = await site.ask(b"{}", JSON, session=session)
    assert (answer.status, site.forwarded) == (400, before)
    assert refusal(answer).isprintable()
