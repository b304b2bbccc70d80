"""A real browser that tests drive: they open pages, run scripts, click, and see what was asked."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from browser import BROWSERS, FLAGS

KEYS = {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}

PATIENCE = 30.0
"""Seconds until a page must have done what a test waits for."""


@dataclass
class Tab:
    """One page of a browser, spoken to by the DevTools protocol over a pipe.

    Attributes
    ----------
    errors
        What the console, the page and the browser complained of.
    requests
        Addresses that the page asked for.
    """

    requests_to: int
    answers_from: int
    session: str = ""
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _number: int = 0
    _rest: bytes = b""
    _answers: dict[int, dict[str, Any]] = field(default_factory=dict)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.requests_to, json.dumps(message).encode() + b"\0")
        while self._number not in self._answers:
            self._take()
        answer = self._answers.pop(self._number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def _take(self) -> None:
        """Read what the browser says next."""
        while b"\0" not in self._rest:
            read = os.read(self.answers_from, 1 << 20)
            assert read, "the browser is gone"
            self._rest += read
        text, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(text)
        if "id" in message:
            self._answers[message["id"]] = message
            return
        event, facts = message["method"], message["params"]
        if event == "Network.requestWillBeSent":
            self.requests.append(facts["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(str(facts["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and facts["type"] in ("error", "warning"):
            self.errors.append(str(facts["args"]))
        elif event == "Log.entryAdded" and facts["entry"]["level"] in ("error", "warning"):
            self.errors.append(str(facts["entry"]))

    def run(self, script: str) -> Any:
        """Value of an expression in the page; of a promise, what it becomes."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition: str, patience: float = PATIENCE) -> None:
        """Wait until an expression in the page is true."""
        end = time.monotonic() + patience
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"waited for {condition}; {self.errors}"
            time.sleep(0.02)

    def open(self, address: str, ready: str = "document.body.dataset.ready") -> None:
        """Open an address, and wait until it is ready."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.wait_for(f"location.href !== 'about:blank' && document.body && ({ready})")

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the size of the window, and whether the person prefers dark colours."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def click(self, x: float, y: float) -> None:
        """Click at a point of the window."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = "none" if kind == "mouseMoved" else "left"
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def press(self, key: str) -> None:
        """Press and release a key: one of `KEYS`, or the letter or digit on it."""
        code = KEYS.get(key) or ord(key.upper())
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind, key=key, code=key, windowsVirtualKeyCode=code,
            )  # fmt: skip

    def picture(self, path: Path) -> None:
        """Take a picture of the window."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def driven_browser(folder: Path, flags: Sequence[str] = ()) -> Iterator[Tab]:
    """Start a browser without a window and give its only tab; skipped where there is none."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    their_input, to_browser = os.pipe()
    from_browser, their_output = os.pipe()
    command = [
        browser, *FLAGS, *flags, "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}",
        "about:blank",
    ]  # fmt: skip
    # the protocol speaks on descriptors 3 and 4
    shell = ["bash", "-c", f'exec "$@" 3<&{their_input} 4>&{their_output}', "browser", *command]
    process = subprocess.Popen(
        shell,
        pass_fds=(their_input, their_output),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_input)
    os.close(their_output)
    try:
        tab = Tab(to_browser, from_browser)
        targets = tab.call("Target.getTargets")["targetInfos"]
        page = next(item for item in targets if item["type"] == "page")["targetId"]
        tab.session = tab.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.call(f"{domain}.enable")
        yield tab
    finally:
        process.terminate()
        process.wait(20)
        os.close(to_browser)
        os.close(from_browser)
