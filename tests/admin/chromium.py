"""A real Chromium without a window, by its DevTools protocol (chromedevtools.github.io)."""

import asyncio
import base64
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

_MARK = b"DevTools listening on "
_FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "about:blank",
)


class Chromium:
    """`async with Chromium() as browser: tab = await browser.open(url)`"""

    async def __aenter__(self) -> Self:
        program = shutil.which("chromium")
        if program is None:
            pytest.skip("needs the Debian package chromium")
        self._home = tempfile.TemporaryDirectory(prefix="sidecar-test-", ignore_cleanup_errors=True)
        self._process = await asyncio.create_subprocess_exec(
            program,
            f"--user-data-dir={self._home.name}/profile",
            *_FLAGS,
            env={"HOME": self._home.name, "PATH": os.environ["PATH"]},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        async with asyncio.timeout(60):
            address = await self._address()
        self._drain = asyncio.create_task(self._read_on())
        self._session = ClientSession()
        self._socket = await self._session.ws_connect(address, max_msg_size=0)
        self._tabs: dict[str, Tab] = {}
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read(self._socket))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.cancel()
        await self._socket.close()
        await self._session.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # its own group, with all its helpers
        await self._process.wait()
        await self._drain
        self._home.cleanup()

    async def open(self, url: str, *, width: int = 1200, dark: bool = False) -> "Tab":
        target = await self.call("Target.createTarget", {"url": "about:blank"})
        found = await self.call(
            "Target.attachToTarget", {"targetId": target["targetId"], "flatten": True}
        )
        tab = self._tabs[found["sessionId"]] = Tab(self, found["sessionId"])
        await tab.begin(url, width, dark)
        return tab

    async def call(
        self, method: str, params: dict[str, Any], session: str | None = None
    ) -> dict[str, Any]:
        number = len(self._answers) + 1
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        await self._socket.send_json(message)
        async with asyncio.timeout(20):
            said = await answer
        assert "error" not in said, f"{method}: {said['error']}"
        result: dict[str, Any] = said["result"]
        return result

    async def _address(self) -> str:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            if line.startswith(_MARK):
                return line.removeprefix(_MARK).decode().strip()
        raise RuntimeError("chromium did not start")

    async def _read_on(self) -> None:
        assert self._process.stderr is not None
        await self._process.stderr.read()

    async def _read(self, socket: ClientWebSocketResponse) -> None:
        async for message in socket:
            said = message.json()
            if "id" in said:
                self._answers[said["id"]].set_result(said)
            elif tab := self._tabs.get(said.get("sessionId", "")):
                tab.note(said["method"], said["params"])


class Tab:
    """troubles: whatever the console, an exception or the policy had to say."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self.troubles: list[str] = []

    async def begin(self, url: str, width: int, dark: bool) -> None:
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._browser.call(method, params, self._session)

    async def run(self, script: str) -> Any:
        said = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    async def until(self, script: str, limit: float = 15.0) -> Any:
        """What the script gives, once that is true."""
        value = None
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while True:
                    if value := await self.run(script):
                        return value
                    await asyncio.sleep(0.05)
        text = await self.run("document.body.innerText")
        raise AssertionError(f"{script} stayed {value!r}; {self.troubles}; the page says: {text}")

    async def click(self, selector: str) -> None:
        """By the mouse, in the middle of it: what lies over it would get the click."""
        await self.run(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        box = await self.run(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
            f"(document.querySelector({selector!r}).getBoundingClientRect())"
        )
        at = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, **at)

    async def press(self, key: str) -> None:
        """Tab, Enter, Escape or Backspace."""
        code = {"Backspace": 8, "Tab": 9, "Enter": 13, "Escape": 27}[key]
        more = {"text": "\r"} if key == "Enter" else {}
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **event, **more)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    async def type(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def picture(self, path: Path) -> None:
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def note(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Log.entryAdded" if params["entry"]["level"] in ("warning", "error"):
                self.troubles.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.troubles.append(str(params))
            case _:
                pass
