"""Who may change a session: no page of another site, and no engine that serves another session."""

import pytest

from sidecar.headers import SESSION_ID
from sidecar.sessions.tmpfs import TmpfsStore
from tests.admin.conftest import Client

JSON = {"Content-Type": "application/json"}
CHANGES = [("PUT", "/data/key"), ("DELETE", "/data/key"), ("DELETE", "")]
ROUTES = [*CHANGES, ("GET", ""), ("GET", "/events"), ("GET", "/data/key")]


async def prepare(store: TmpfsStore) -> str:
    opened = await store.open(60)
    await store.put_data(opened.id, "key", b"1")
    return opened.id


async def ask(client: Client, method: str, path: str, headers: dict[str, str]) -> int:
    async with client.request(method, path, data=b"2", headers=JSON | headers) as response:
        return response.status


@pytest.mark.parametrize("method, rest", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "Same-Origin"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
    ids=str,
)
async def test_a_page_of_another_site_changes_nothing(
    client: Client, store: TmpfsStore, method: str, rest: str, headers: dict[str, str]
) -> None:
    session_id = await prepare(store)
    assert await ask(client, method, f"/sessions/{session_id}{rest}", headers) == 403
    assert await store.get_data(session_id, "key") == b"1"


@pytest.mark.parametrize("method, rest", CHANGES)
@pytest.mark.parametrize("site", [None, "same-origin", "none"])
@pytest.mark.parametrize("has_origin", [True, False])
async def test_our_own_page_and_a_program_change_what_they_like(
    client: Client, store: TmpfsStore, method: str, rest: str, site: str | None, has_origin: bool
) -> None:
    session_id = await prepare(store)
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    if has_origin:
        headers["Origin"] = f"http://127.0.0.1:{client.port}"
    assert await ask(client, method, f"/sessions/{session_id}{rest}", headers) == 204


async def test_reading_is_left_to_the_browser(client: Client, store: TmpfsStore) -> None:
    """It hands no answer of ours to another site: there is no Access-Control-Allow-Origin."""
    session_id = await prepare(store)
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    async with client.get(f"/sessions/{session_id}", headers=headers) as response:
        assert response.status == 200
        assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("method, rest", ROUTES)
async def test_an_engine_that_tells_its_session_gets_that_one_only(
    client: Client, store: TmpfsStore, method: str, rest: str
) -> None:
    mine, others = await prepare(store), await prepare(store)
    path = f"/sessions/{others}{rest}"
    headers = JSON | {SESSION_ID: mine}
    async with client.request(method, path, data=b"2", headers=headers) as refused:
        message = (await refused.json())["error"]["message"]
    assert (refused.status, message) == (404, f"session not found: {others}")
    assert await store.get_data(others, "key") == b"1"
    assert await ask(client, method, path, {SESSION_ID.lower(): ""}) == 404
    assert await ask(client, method, path, {SESSION_ID: others}) in (200, 204)


async def test_two_sessions_told_are_one_too_many(client: Client, store: TmpfsStore) -> None:
    mine, others = await prepare(store), await prepare(store)
    headers = [(SESSION_ID, mine), (SESSION_ID, others)]
    for path in (f"/sessions/{mine}", f"/sessions/{others}"):
        async with client.get(path, headers=headers) as response:
            assert response.status == 404
