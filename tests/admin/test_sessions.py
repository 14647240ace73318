"""Sessions, their keys and their events over HTTP."""

import gzip
import io
import json
from typing import Any

import pytest
from yarl import URL

from sidecar.errors import SessionNotFound
from sidecar.sessions.store import KEYS_LIMIT, VALUE_LIMIT
from sidecar.sessions.tmpfs import TmpfsStore
from tests.admin.conftest import Client
from tests.harness.clock import MovedClock

UNKNOWN = "2c5b2ba8-6c7c-4b0c-9a0e-3a3f6a3d6f10"
JSON = {"Content-Type": "application/json"}


async def error_of(client: Client, method: str, path: str, **options: Any) -> tuple[int, str]:
    """Status and message; what is not JSON is a failure of its own."""
    async with client.request(method, URL(path, encoded=True), **options) as response:
        assert response.content_type == "application/json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        error = (await response.json())["error"]
        assert error["code"] == response.status
        assert ("Retry-After" in response.headers) == (response.status == 503)
        return response.status, error["message"]


async def test_the_list_tells_of_each_live_session(
    client: Client, store: TmpfsStore, clock: MovedClock
) -> None:
    ended = await store.open(30)
    plain, owned = await store.open(60), await store.open(60, owner="a1" * 32)
    clock.advance(40)
    async with client.get("/sessions") as response:
        assert response.headers["Cache-Control"] == "no-store"
        text = await response.text()
        listed = json.loads(text)
    assert listed["next"] is None
    sessions = {each.pop("id"): each for each in listed["sessions"]}
    assert sessions == {
        plain.id: {"created": plain.created, "expires": plain.expires, "owner": False},
        owned.id: {"created": owned.created, "expires": owned.expires, "owner": True},
    }
    assert ended.id not in text
    assert "a1a1" not in text


async def test_the_list_comes_in_pages(client: Client, store: TmpfsStore) -> None:
    opened = sorted([(await store.open(60)).id for _ in range(7)])
    found: list[str] = []
    after = ""
    for size in (3, 3, 1):
        async with client.get("/sessions", params={"limit": "3", "after": after}) as response:
            page = await response.json()
        assert len(page["sessions"]) == size
        found += [each["id"] for each in page["sessions"]]
        after = page["next"]
    assert found == opened
    assert after is None


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "", "1e3", "9" * 5_000, "%D9%A1"])
async def test_a_limit_that_is_none_is_refused(client: Client, limit: str) -> None:
    status, message = await error_of(client, "GET", f"/sessions?limit={limit}")
    assert (status, message) == (400, "limit is a number from 1 to 1000")


async def test_one_session_with_its_keys_and_state(client: Client, store: TmpfsStore) -> None:
    opened = await store.open(60, state={"replica": "http://a:1"})
    await store.put_data(opened.id, "b", b"1")
    await store.put_data(opened.id, "a/b", b"1")
    async with client.get(f"/sessions/{opened.id}") as response:
        assert await response.json() == {
            "id": opened.id,
            "created": pytest.approx(opened.created),
            "expires": opened.expires,
            "owner": False,
            "replica": "http://a:1",
            "state": {"replica": "http://a:1"},
            "keys": ["a-b", "b"],
        }


async def test_a_session_is_closed_once(client: Client, store: TmpfsStore) -> None:
    opened = await store.open(60)
    async with client.delete(f"/sessions/{opened.id}") as response:
        assert (response.status, await response.read()) == (204, b"")
    with pytest.raises(SessionNotFound):
        await store.get(opened.id)
    assert (await error_of(client, "DELETE", f"/sessions/{opened.id}"))[0] == 404


async def test_the_events(client: Client, store: TmpfsStore) -> None:
    opened = await store.open(60)
    await store.append(opened.id, [{"role": "user"}, {"role": "assistant"}])
    async with client.get(f"/sessions/{opened.id}/events") as response:
        assert await response.json() == {"events": [{"role": "user"}, {"role": "assistant"}]}


@pytest.mark.parametrize("value", ["null", '{"a": ["\\u00e9", 1.5]}', '"\u00e9"', " [1]\n"])
async def test_a_value_is_put_got_and_deleted(
    client: Client, store: TmpfsStore, value: str
) -> None:
    opened = await store.open(60)
    path = f"/sessions/{opened.id}/data/history"
    for _ in range(2):
        async with client.put(path, data=value.encode(), headers=JSON) as response:
            assert (response.status, await response.read()) == (204, b"")
    async with client.get(path) as response:
        assert response.content_type == "application/json"
        assert await response.text() == value
    async with client.delete(path) as response:
        assert response.status == 204
    for method in ("GET", "DELETE"):
        assert await error_of(client, method, path) == (404, "the session has no key history")


@pytest.mark.parametrize("key", ["a/b", "a%2Fb", "a%2fb"])
async def test_a_slash_in_a_key_may_be_encoded(client: Client, store: TmpfsStore, key: str) -> None:
    opened = await store.open(60)
    url = URL(f"/sessions/{opened.id}/data/{key}", encoded=True)
    async with client.put(url, data=b"1", headers=JSON) as response:
        assert response.status == 204
    assert await store.data_keys(opened.id) == ["a-b"]


@pytest.mark.parametrize("key", [".sidecar.record", "%2e%2e", "..%2f..%2fx", "%00", "a%0Ab", "-a"])
async def test_what_is_no_key_is_refused(client: Client, store: TmpfsStore, key: str) -> None:
    opened = await store.open(60, state={"a": 1})
    path = f"/sessions/{opened.id}/data/{key}"
    for method, options in (("GET", {}), ("DELETE", {}), ("PUT", {"data": b"1", "headers": JSON})):
        status, message = await error_of(client, method, path, **options)
        assert status == 400
        assert message.startswith("a key has 1 to 128 letters")
    assert await store.state(opened.id) == {"a": 1}


ROUTES = [("GET", ""), ("DELETE", ""), ("GET", "/events"), ("GET", "/data/a")]
ROUTES += [("DELETE", "/data/a"), ("PUT", "/data/a")]


@pytest.mark.parametrize("method, rest", ROUTES)
@pytest.mark.parametrize(
    "session_id", [UNKNOWN, "closed", "under_score", "%2e%2e", "..%2fx", "x" * 300, "%00", "%0d%0a"]
)
async def test_what_is_no_session_is_not_found(
    client: Client, store: TmpfsStore, method: str, rest: str, session_id: str
) -> None:
    opened = await store.open(60)
    await store.close(opened.id)
    path = f"/sessions/{opened.id if session_id == 'closed' else session_id}{rest}"
    status, message = await error_of(client, method, path, data=b"1", headers=JSON)
    assert status == 404
    assert message.startswith("session not found: ")
    assert message.isprintable()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b"1 2",
        b"NaN",
        b"[Infinity]",
        b'"\xff"',
        b"\xef\xbb\xbf1",
        "1".encode("utf-16"),
        b"[" * 100_000,
        b"9" * 5_000,
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_what_is_no_json_is_refused(client: Client, store: TmpfsStore, body: bytes) -> None:
    opened = await store.open(60)
    path = f"/sessions/{opened.id}/data/key"
    refused = await error_of(client, "PUT", path, data=body, headers=JSON)
    assert refused == (400, "the value is not JSON in UTF-8")
    assert await store.data_keys(opened.id) == []


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", ""]
)
async def test_what_is_not_sent_as_json_is_refused(
    client: Client, store: TmpfsStore, content_type: str
) -> None:
    opened = await store.open(60)
    path, headers = f"/sessions/{opened.id}/data/key", {"Content-Type": content_type}
    refused = await error_of(client, "PUT", path, data=b"1", headers=headers)
    assert refused == (415, "a value is JSON: send it as application/json")


def sized(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'


async def in_pieces(body: bytes) -> Any:
    for start in range(0, len(body), 100_000):
        yield body[start : start + 100_000]


async def test_a_value_has_a_largest_size(client: Client, store: TmpfsStore) -> None:
    opened = await store.open(60)
    path = f"/sessions/{opened.id}/data/key"
    async with client.put(path, data=io.BytesIO(sized(VALUE_LIMIT)), headers=JSON) as response:
        assert response.status == 204
    large = sized(VALUE_LIMIT + 1)
    zipped = JSON | {"Content-Encoding": "gzip"}
    for body, headers in (
        (io.BytesIO(large), JSON),
        (in_pieces(large), JSON),
        (gzip.compress(bytes(100 * VALUE_LIMIT)), zipped),
    ):
        refused = await error_of(client, "PUT", path, data=body, headers=headers)
        assert refused == (413, f"a value may have {VALUE_LIMIT} bytes")
    assert await store.get_data(opened.id, "key") == sized(VALUE_LIMIT)


async def test_a_body_that_is_not_what_its_coding_says_is_refused(
    client: Client, store: TmpfsStore
) -> None:
    opened = await store.open(60)
    path, headers = f"/sessions/{opened.id}/data/key", JSON | {"Content-Encoding": "gzip"}
    assert (await error_of(client, "PUT", path, data=b"not zipped", headers=headers))[0] == 400


async def test_without_room_it_is_told_to_come_back(client: Client, store: TmpfsStore) -> None:
    opened = await store.open(60)
    for number in range(KEYS_LIMIT):
        await store.put_data(opened.id, f"key-{number}", b"1")
    path = f"/sessions/{opened.id}/data/one-more"
    status, message = await error_of(client, "PUT", path, data=b"1", headers=JSON)
    assert (status, message) == (503, f"a session may hold {KEYS_LIMIT} keys; delete one first")
