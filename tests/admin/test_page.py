"""The admin page in a real browser: what it shows, what its buttons do, and what it never does."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.admin.chromium import Chromium, Tab
from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer
from tests.harness.recording_engine import RecordingEngine
from tests.life.asking import get, once, ping_becomes

FILE = Path(__file__).with_name("token.txt")
HTML = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sidecar() -> AsyncIterator[SidecarProcess]:
    """Two engines, so that every part of the page is there."""
    async with (
        RecordingEngine() as one,
        RecordingEngine() as other,
        SidecarProcess(f"{one.url},{other.url}") as sidecar,
    ):
        await ping_becomes(sidecar, 200, 10)
        yield sidecar


async def open_session(sidecar: SidecarProcess) -> str:
    wanted = {"requestType": "NEW_SESSION"}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{sidecar.url}/invocations", json=wanted) as answer,
    ):
        return answer.headers["X-Amzn-SageMaker-New-Session-Id"].partition(";")[0]


async def lives(sidecar: SidecarProcess, session_id: str) -> bool:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{sidecar.admin_url}/sessions/{session_id}") as answer,
    ):
        return answer.status == 200


async def ask(sidecar: SidecarProcess, path: str, more: str = "") -> Answer:
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n"
    return await once(sidecar.admin_port, head.encode())


def row(session_id: str) -> str:
    return f'#sessions tr[data-id="{session_id}"]'


def there(selector: str) -> str:
    return f"!!document.querySelector('{selector}')"


ASKED = "document.querySelector('#ask').open"


async def has_focus(tab: Tab, selector: str) -> bool:
    return bool(await tab.run(f"document.activeElement.matches('{selector}')"))


async def tab_to(tab: Tab, selector: str) -> None:
    for _ in range(60):
        if await has_focus(tab, selector):
            return
        await tab.press("Tab")
    raise AssertionError(f"the keyboard never came to {selector}")


async def test_the_policy_lets_nothing_run_but_our_own_files(sidecar: SidecarProcess) -> None:
    nonces = set()
    for _ in range(2):
        answer = await ask(sidecar, "/", HTML)
        [policy] = answer.values(b"Content-Security-Policy")
        [nonce] = set(re.findall(rb"'nonce-([\w-]{20,})'", policy))
        nonces.add(nonce)
        assert b"unsafe" not in policy and b"default-src 'none'" in policy
        html = answer.body.decode()
        tags = re.findall(r"<(?:script|style|link rel=\"stylesheet\")[^>]*>", html)
        assert len(tags) == 3
        assert all(f'nonce="{nonce.decode()}"' in tag and "://" not in tag for tag in tags)
        assert not re.search(r"\son\w+=|style=|javascript:|https?://", html)
    assert len(nonces) == 2


async def test_a_program_gets_text(sidecar: SidecarProcess) -> None:
    for accept in ("", "Accept: */*\r\n"):
        answer = await ask(sidecar, "/", accept)
        assert answer.values(b"Content-Type") == [b"text/plain; charset=utf-8"]
        assert b"/sessions/ID" in answer.body


@pytest.mark.parametrize("width, dark", [(1200, False), (1200, True), (360, False), (360, True)])
async def test_all_is_shown_and_fits(
    sidecar: SidecarProcess, browser: Chromium, width: int, dark: bool
) -> None:
    session_id = await open_session(sidecar)
    tab = await browser.open(f"{sidecar.admin_url}/", width=width, dark=dark)
    await tab.until(there(row(session_id)))
    assert await tab.run("document.querySelector('#state').textContent") == "ready"
    assert await tab.run("document.querySelectorAll('#engines li').length") == 2
    ends = await tab.run(f"document.querySelector('{row(session_id)}').cells[2].textContent")
    assert re.fullmatch(r"(20 min 0|19 min \d+) s", ends)
    await tab.run("document.querySelectorAll('button').forEach((each) => (each.hidden = false))")
    assert await tab.run("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('body *')].filter((each) => each.checkVisibility() && "
    wide += "!each.closest('.unseen, svg') && each.getBoundingClientRect().right > innerWidth + 1)"
    assert await tab.run(f"{wide}.map((each) => each.outerHTML.slice(0, 80))") == []
    ground = await tab.run("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", ground)[0]) < 128) == dark
    assert tab.troubles == []


async def test_requests_are_drawn(sidecar: SidecarProcess, browser: Chromium) -> None:
    tab = await browser.open(f"{sidecar.admin_url}/")
    value = "document.querySelector('#rate b').textContent"
    await tab.until(f"{value} !== ''")
    for _ in range(20):
        await once(sidecar.port, get(b"/x"))
    await tab.until(f"parseFloat({value}) > 0")
    for figure in ("rate", "latency", "live", "overhead"):
        await tab.until(f"document.querySelector('#{figure} path').getAttribute('d').length > 5")
    assert re.search(
        r"\d (µs|ms|s)$", await tab.run("document.querySelector('#latency b').innerText")
    )
    assert tab.troubles == []


async def test_a_session_is_closed_only_if_confirmed(
    sidecar: SidecarProcess, browser: Chromium
) -> None:
    session_id, other = await open_session(sidecar), await open_session(sidecar)
    tab = await browser.open(f"{sidecar.admin_url}/", width=360)
    await tab.until(there(row(session_id)))
    await tab.click(f"{row(session_id)} button")
    await tab.until(ASKED)
    assert session_id in await tab.run("document.querySelector('#ask-text').textContent")
    await tab.click("#ask-no")
    await tab.until(f"!{ASKED}")
    assert await lives(sidecar, session_id)
    await tab.click(f"{row(session_id)} button")
    await tab.until(ASKED)
    await tab.click("#ask-yes")
    await tab.until(f"!{there(row(session_id))}")
    assert not await lives(sidecar, session_id) and await lives(sidecar, other)
    assert "is closed" in await tab.run("document.querySelector('#news').textContent")
    assert tab.troubles == []


async def test_the_keyboard_is_enough(sidecar: SidecarProcess, browser: Chromium) -> None:
    session_id = await open_session(sidecar)
    tab = await browser.open(f"{sidecar.admin_url}/")
    await tab.until(there(row(session_id)))
    await tab_to(tab, "#drain")
    await tab.press("Enter")
    await tab.until(ASKED)
    assert await has_focus(tab, "#ask-no")  # a second Enter does no harm
    await tab.press("Escape")
    await tab.until(f"!{ASKED}")
    assert await has_focus(tab, "#drain")
    await tab_to(tab, "#filter")
    await tab.type(session_id)
    await tab.until("document.querySelectorAll('#sessions tr').length === 1")
    await tab_to(tab, f"{row(session_id)} button")
    await tab.press("Enter")
    await tab.until(ASKED)
    await tab_to(tab, "#ask-yes")
    await tab.press("Enter")
    await tab.until(f"!{there(row(session_id))}")
    assert not await lives(sidecar, session_id)
    assert await has_focus(tab, "#sessions-title")  # and not lost with the button
    assert tab.troubles == []


async def test_everything_has_a_name_for_who_cannot_see_it(
    sidecar: SidecarProcess, browser: Chromium
) -> None:
    session_id = await open_session(sidecar)
    tab = await browser.open(f"{sidecar.admin_url}/")
    await tab.until(there(row(session_id)))
    await tab.call("Accessibility.enable")
    nodes = (await tab.call("Accessibility.getFullAXTree"))["nodes"]
    for role in ("button", "searchbox", "table", "heading", "rowheader", "region"):
        named = [
            node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == role
        ]
        assert named and all(named), role
    buttons = [
        node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == "button"
    ]
    assert f"Close session {session_id}" in buttons


@pytest.mark.parametrize("dark", [False, True])
async def test_text_has_contrast(sidecar: SidecarProcess, browser: Chromium, dark: bool) -> None:
    """4.5 to 1, WCAG 2.2 success criterion 1.4.3."""
    await open_session(sidecar)
    tab = await browser.open(f"{sidecar.admin_url}/", dark=dark)
    await tab.until(there("#sessions tr"))
    pairs = await tab.run("""
      [...document.querySelectorAll('body *')].filter((each) =>
        each.checkVisibility() && !each.disabled &&
        [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
      ).map((each) => {
        const ground = (one) => getComputedStyle(one).backgroundColor;
        let behind = each;
        while (ground(behind) === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
        return [each.outerHTML.slice(0, 60), getComputedStyle(each).color, ground(behind)];
      })""")
    assert len(pairs) > 10
    for what, ink, ground in pairs:
        light, less = sorted((luminance(ink), luminance(ground)), reverse=True)
        assert (light + 0.05) / (less + 0.05) >= 4.5, (what, ink, ground)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


async def test_looks_that_overlap_do_not_multiply(
    sidecar: SidecarProcess, browser: Chromium
) -> None:
    tab = await browser.open(f"{sidecar.admin_url}/")
    await tab.until("document.querySelector('#state').textContent === 'ready'")
    await tab.run("for (let n = 0; n < 20; n++) look()")
    looks = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('state'))"
    await tab.until(f"{looks}.length >= 21")
    known = await tab.run(f"{looks}.length")
    await tab.until(f"{looks}.length >= {known + 2}")
    apart = f"{looks}[{known + 1}].startTime - {looks}[{known}].startTime"
    assert await tab.run(apart) > 1500  # one chain of looks, two seconds from each to the next


async def test_more_sessions_are_shown_when_asked_for(browser: Chromium) -> None:
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        await ping_becomes(sidecar, 200, 10)
        last = max([await open_session(sidecar) for _ in range(103)])
        tab = await browser.open(f"{sidecar.admin_url}/")
        rows = "document.querySelectorAll('#sessions tr').length"
        await tab.until(f"{rows} === 100")
        assert not await tab.run(there(row(last)))
        await tab.click("#filter")
        for wanted in (last[:12], last):  # not among those shown, and still found
            await tab.run("document.querySelector('#filter').select()")
            await tab.type(wanted)
            await tab.until(f"{rows} === 1 && {there(row(last))}")
            assert await tab.run("document.querySelector('#more').hidden")
        await tab.type("-none")
        await tab.until("document.querySelector('#none').innerText.includes('begins with that')")
        await tab.run("document.querySelector('#filter').select()")
        await tab.press("Backspace")
        await tab.until(f"{rows} === 100")
        await tab.click("#more")
        await tab.until(f"{rows} === 103")
        assert await tab.run("document.querySelector('#more').hidden")
        assert tab.troubles == []


async def test_the_token_is_asked_for_once(browser: Chromium) -> None:
    async with (
        RecordingEngine() as engine,
        SidecarProcess(engine.url, SIDECAR_ADMIN_TOKEN_FILE=str(FILE)) as sidecar,
    ):
        await ping_becomes(sidecar, 200, 10)
        session_id = await open_session(sidecar)
        tab = await browser.open(f"{sidecar.admin_url}/", width=360)
        await tab.until("document.querySelector('#login').open")
        assert tab.troubles == []  # nothing was asked for in vain
        assert session_id not in await tab.run("document.body.innerHTML")
        await tab.type("not-the-token-at-all")
        await tab.press("Enter")
        await tab.until("!document.querySelector('#login-wrong').hidden")
        await tab.type(FILE.read_text().strip())
        await tab.press("Enter")
        await tab.until(there(row(session_id)))
        tab.troubles.clear()  # the browser itself tells of the 401
        await tab.call("Page.reload")
        await tab.until(there(row(session_id)))
        assert await tab.run("localStorage.length + document.cookie.length") == 0
        assert "only-for-tests" not in await tab.run("document.documentElement.outerHTML")
        assert tab.troubles == []


async def test_a_port_open_to_others_says_what_is_missing(browser: Chromium) -> None:
    async with SidecarProcess("http://127.0.0.1:9", SIDECAR_ADMIN_HOST="0.0.0.0") as sidecar:
        tab = await browser.open(f"{sidecar.admin_url}/")
        said = await tab.run("document.querySelector('#trouble').innerText")
        assert "SIDECAR_ADMIN_TOKEN_FILE" in said
        assert tab.troubles == []


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_drain_asks_first_and_is_followed_to_the_end(
    browser: Chromium, workers: str
) -> None:
    more = {"SIDECAR_LAME_DUCK_SECONDS": "3", "SIDECAR_WORKERS": workers}
    async with RecordingEngine() as engine, SidecarProcess(engine.url, **more) as sidecar:  # type: ignore[arg-type]
        await ping_becomes(sidecar, 200, 10)
        tab = await browser.open(f"{sidecar.admin_url}/", width=360)
        await tab.until("!document.querySelector('#drain').disabled")
        await tab.click("#drain")
        await tab.until(ASKED)
        await tab.press("Escape")
        await tab.until(f"!{ASKED}")
        await ping_becomes(sidecar, 200, 1)
        await tab.click("#drain")
        await tab.until(ASKED)
        await tab.click("#ask-yes")
        await tab.until("document.querySelector('#state').textContent === 'draining'")
        assert await tab.run("document.querySelector('#drain').disabled")
        assert tab.troubles == []
        assert await sidecar.wait() == 0
        await tab.until("document.querySelector('#trouble').innerText.includes('No answer since')")
