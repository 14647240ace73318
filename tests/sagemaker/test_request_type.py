"""What makes a body a control request: `requestType`, alone, with one of two values."""

import pytest

from tests.sagemaker.conftest import JSON, NEW_SESSION, OPENING, Site, new_id, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "body, names",
    [
        pytest.param('{"requestType": "OPEN"}', "requestType", id="another-value"),
        pytest.param('{"requestType": "new_session"}', "requestType", id="another-case"),
        pytest.param('{"requestType": " CLOSE"}', "requestType", id="a-space-more"),
        pytest.param('{"requestType": ""}', "requestType", id="an-empty-value"),
        pytest.param('{"requestType": null}', "requestType", id="null"),
        pytest.param('{"requestType": true}', "requestType", id="true"),
        pytest.param('{"requestType": 1}', "requestType", id="a-number"),
        pytest.param('{"requestType": NaN}', "requestType", id="not-a-number"),
        pytest.param('{"requestType": ["CLOSE"]}', "requestType", id="a-list"),
        pytest.param('{"requestType": {"a": 1}}', "requestType", id="an-object"),
        pytest.param('{"requestType": "CLOSE", "x": 1}', "x", id="an-extra-field"),
        pytest.param('{"prompt": 1, "requestType": "CLOSE"}', "prompt", id="an-extra-field-first"),
        pytest.param('{"requestType": "CLOSE", "x": 1, "x": 2}', "x", id="an-extra-field-twice"),
        pytest.param('{"requestType": "CLOSE", "": 1}', "", id="an-extra-field-without-a-name"),
        pytest.param('{"requestType": "CLOSE", "caf\u00e9": 1}', "caf\u00e9", id="not-ascii"),
        pytest.param(
            '{"requestType": "CLOSE", "requesttype": 1}', "requesttype", id="the-name-in-two-cases"
        ),
        pytest.param(
            '{"requestType": "CLOSE", "requestType": "CLOSE"}', "requestType", id="given-twice"
        ),
        pytest.param(
            '{"requestType": "OPEN", "request\\u0054ype": "CLOSE"}',
            "requestType",
            id="given-twice-and-escaped-once",
        ),
    ],
)
async def test_a_request_type_that_is_not_valid_names_the_field(
    site: Site, body: str, names: str
) -> None:
    session, before = await site.open(), site.forwarded
    answer = await site.ask(body.encode(), JSON, session=session)
    assert (answer.status, site.forwarded) == (400, before)
    assert repr(names) in refusal(answer)
    assert session.decode() in site.on_disk()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"request\\u0054ype": "NEW_SESSION"}', id="an-escaped-key"),
        pytest.param(b'{"requestType": "NEW\\u005fSESSION"}', id="an-escaped-value"),
        pytest.param(b' \r\n\t{"requestType":\n"NEW_SESSION"}  ', id="white-space-around"),
        pytest.param(b'{"requestType":"NEW_SESSION"}', id="no-white-space"),
        pytest.param(b'\xef\xbb\xbf{"requestType": "NEW_SESSION"}', id="a-byte-order-mark"),
    ],
)
async def test_the_same_json_written_otherwise(site: Site, body: bytes) -> None:
    assert new_id(await site.ask(body, JSON))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(OPENING[:-1], id="cut-short"),
        pytest.param(OPENING + b"}", id="a-brace-too-many"),
        pytest.param(OPENING + b"\0", id="a-zero-byte-behind"),
        pytest.param(OPENING + b"\n" + OPENING, id="two-lines-of-json"),
        pytest.param(b'{"requestType": "NEW_SESSION",}', id="a-comma-too-many"),
        pytest.param(b"{'requestType': 'NEW_SESSION'}", id="single-quotes"),
        pytest.param(OPENING.decode().encode("utf-16"), id="utf-16"),
        pytest.param(b'{"requestType": "\xff"}', id="not-utf-8"),
        pytest.param(b"requestType=NEW_SESSION", id="a-form"),
        pytest.param(b"[" * 4000, id="too-deep"),
    ],
)
async def test_what_is_no_valid_json_is_forwarded_byte_for_byte(site: Site, body: bytes) -> None:
    await assert_forwarded(site, body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a": {"requestType": "NEW_SESSION"}}', id="nested"),
        pytest.param(b'[{"requestType": "NEW_SESSION"}]', id="in-a-list"),
        pytest.param(b'"requestType"', id="a-string"),
        pytest.param(b'{"prompt": "requestType"}', id="a-value"),
        pytest.param(b'{"requesttype": "NEW_SESSION"}', id="the-key-in-another-case"),
        pytest.param(b'{"request_type": "NEW_SESSION"}', id="another-key"),
        pytest.param(b'{"requestType ": "NEW_SESSION"}', id="the-key-with-a-space"),
        pytest.param(b"{}", id="an-empty-object"),
        pytest.param(b"null", id="null"),
        pytest.param(b"", id="nothing"),
    ],
)
async def test_json_that_is_no_control_request_is_forwarded(site: Site, body: bytes) -> None:
    await assert_forwarded(site, body)


async def assert_forwarded(site: Site, body: bytes) -> None:
    before, sessions = site.forwarded, site.on_disk()
    answer = await site.ask(body, JSON)
    assert (answer.status, site.forwarded) == (200, before + 1)
    assert bytes(site.engine.records[-1].body) == body
    assert answer.values(NEW_SESSION) == [] and site.on_disk() == sessions
