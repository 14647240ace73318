"""SIDECAR_SESSION_OWNER_HEADER: a session is there for whoever shows what its creator showed."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.sagemaker.conftest import JSON, SESSION, Site, new_id, refusal, site_with

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINE = b"Authorization: Bearer mine"
OTHERS = {
    "another": (b"Authorization: Bearer other",),
    "nothing": (),
    "empty": (b"Authorization: ",),
    "longer": (b"Authorization: Bearer mine2",),
}
CLOSE = b'{"requestType": "CLOSE"}'


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["on", "off"])
async def owned(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    variables = {"SIDECAR_SESSION_OWNER_HEADER": "Authorization", "SIDECAR_EXPRESS": request.param}
    async with site_with(**variables) as site:
        yield site


async def opened(site: Site, *lines: bytes) -> bytes:
    return new_id(await site.ask(b'{"requestType": "NEW_SESSION"}', JSON, *lines))


async def test_the_owner_uses_and_closes_it(owned: Site) -> None:
    session = await opened(owned, MINE)
    assert (await owned.ask(b"{}", JSON, MINE, session=session)).status == 200
    assert owned.engine.records[-1].values(SESSION) == [session]
    assert owned.engine.records[-1].values(b"Authorization") == [b"Bearer mine"]
    assert (await owned.ask(CLOSE, JSON, MINE, session=session)).status == 200


@pytest.mark.parametrize("lines", OTHERS.values(), ids=OTHERS)
async def test_nobody_else_finds_it(owned: Site, lines: tuple[bytes, ...]) -> None:
    session = await opened(owned, MINE)
    before = owned.forwarded
    for body in (b"{}", CLOSE):
        answer = await owned.ask(body, JSON, *lines, session=session)
        assert answer.status == 400
        assert refusal(answer) == f"session not found: {session.decode()}"
    assert owned.forwarded == before
    assert (await owned.ask(b"{}", JSON, MINE, session=session)).status == 200


async def test_one_that_nobody_owns_is_not_for_somebody(owned: Site) -> None:
    session = await opened(owned)
    assert (await owned.ask(b"{}", JSON, session=session)).status == 200
    assert (await owned.ask(b"{}", JSON, MINE, session=session)).status == 400


async def test_one_made_on_first_use_has_an_owner_too(owned: Site) -> None:
    session = new_id(await owned.ask(b"{}", JSON, MINE, session=b"NEW_SESSION"))
    assert (await owned.ask(b"{}", JSON, session=session)).status == 400
    assert (await owned.ask(b"{}", JSON, MINE, session=session)).status == 200


async def test_two_claims_at_once_are_refused(owned: Site) -> None:
    answer = await owned.ask(b"{}", JSON, MINE, b"authorization: Bearer other")
    assert answer.status == 400
    assert "must be sent once" in refusal(answer)


async def test_what_was_shown_is_kept_nowhere(owned: Site) -> None:
    session = await opened(owned, b"Authorization: Bearer very-secret")
    folder = owned.directory / session.decode()
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert kept and b"very-secret" not in kept
    assert "very-secret" not in str(owned.sidecar.log)


async def test_without_the_setting_the_id_is_enough() -> None:
    async with site_with() as site:
        session = await opened(site, MINE)
        assert (await site.ask(b"{}", JSON, session=session)).status == 200
