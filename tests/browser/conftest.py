"""A browser that reaches this machine only, and the two servers whose pages it opens."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from enablement.run import dashboards

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
DASHBOARDS = NOTEBOOKS / "dashboards"
PERIOD = "2026Q3"
REPORT = ROOT / "data" / "out" / PERIOD / "index.html"
SCREENSHOTS = ROOT / "data" / "out" / "screenshots"
TOKEN = "only-for-this-test"

# Everything but this machine goes to a proxy that is not there, workers and sockets included.
_NOWHERE = "http://127.0.0.1:9"
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_HERE = frozenset(("127.0.0.1", "localhost", "::1", ""))

# Each place that awaits a chart holds one that can be seen.
_DRAWN = """(fewest) => {
  const places = [...document.querySelectorAll(".chart .drawing, .jp-RenderedVegaCommon5")];
  const seen = (mark) => mark.getBoundingClientRect().width > 0;
  const drawn = (place) => [...place.querySelectorAll("svg.marks, canvas")].some(seen);
  return places.length >= fewest && places.every(drawn);
}"""


@dataclass
class Visit:
    """What opening a page did.

    page : the open page
    blocked : addresses it asked for outside this machine
    console : warnings and errors of its console, errors of its scripts, answers of 400 and above
    """

    page: Page
    blocked: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    @property
    def charts(self) -> int:
        """Count the drawn charts."""
        return self.page.locator("svg.marks, .vega-embed canvas").count()

    def assert_clean(self) -> None:
        assert self.blocked == []
        assert self.console == []
        assert not self.page.get_by_text(re.compile(r"\bWARN\b")).count()


def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=_QUIET, proxy={"server": _NOWHERE, "bypass": "127.0.0.1"}
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a page in a fresh context, wait until its charts are drawn, and keep what it did."""
    contexts = []

    def opened(url: str, *, charts: int = 1, width: int = 1440, dark: bool = False) -> Visit:
        scheme = "dark" if dark else "light"
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB"
        )
        contexts.append(context)
        visited = Visit(context.new_page())
        listen(visited)
        visited.page.goto(url, timeout=120_000)
        # Looked for ten times a second: to look at each frame lays the page out each time.
        visited.page.wait_for_function(_DRAWN, arg=charts, timeout=120_000, polling=100)
        # A warning about a chart arrives just after it is drawn.
        visited.page.wait_for_timeout(500)
        return visited

    yield opened
    for context in contexts:
        context.close()


def listen(visited: Visit) -> None:
    def asked(request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in _HERE:
            visited.blocked.append(request.url)

    def said(message: Any) -> None:
        if message.type in ("warning", "error") or "WARN" in message.text:
            visited.console.append(f"{message.type}: {message.text}")

    def answered(response: Any) -> None:
        if response.status >= 400:
            visited.console.append(f"{response.status}: {response.url}")

    visited.page.on("request", asked)
    visited.page.on("console", said)
    visited.page.on("response", answered)
    visited.page.on("pageerror", lambda error: visited.console.append(f"script: {error}"))


def screenshot(visited: Visit, name: str) -> Path:
    """Keep a picture of the whole page in data/out/screenshots, which git ignores."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    visited.page.screenshot(path=path, full_page=True)
    return path


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Let the notebooks and pages of this run share one reading, as those of a user do."""
    return {"ENABLEMENT_CACHE": str(tmp_path_factory.mktemp("readings"))}


@pytest.fixture(scope="module")
def report(kept: dict[str, str]) -> Path:
    """Give the quarter's first page, made now: an older one would show an older package."""
    command = [sys.executable, "-m", "enablement", "quarter", PERIOD]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | kept)
    return REPORT


@pytest.fixture(scope="module")
def voila(tmp_path_factory: pytest.TempPathFactory, kept: dict[str, str]) -> Iterator[str]:
    """Give the address of the dashboards, served the way `make dashboards` serves them."""
    port = free_port()
    arguments, variables = dashboards.command(DASHBOARDS, port=port)
    environment = clean_environment(tmp_path_factory.mktemp("voila")) | variables | kept
    address = f"http://127.0.0.1:{port}"
    with Served(arguments, environment, address):
        yield address


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Give a function from a notebook's path to its address in JupyterLab."""
    port = free_port()
    arguments = [
        *(sys.executable, "-m", "jupyterlab", "--config=jupyter/jupyter_lab_config.py"),
        *("--no-browser", "--allow-root", f"--port={port}", f"--IdentityProvider.token={TOKEN}"),
    ]
    address = f"http://127.0.0.1:{port}"
    environment = clean_environment(tmp_path_factory.mktemp("lab"))
    with Served(arguments, environment, f"{address}/api"):
        yield lambda path: f"{address}/lab/tree/{path}?token={TOKEN}&reset"


def clean_environment(home: Path) -> dict[str, str]:
    """Give an environment into which nothing of the user's own Jupyter leaks."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    before = os.environ.get("PYTHONPATH")
    return kept | {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *([before] if before else [])]),
    }


class Served:
    """A server that runs inside a `with` block and answers at its address before it begins."""

    def __init__(self, arguments: list[str], environment: dict[str, str], address: str) -> None:
        self.address = address
        self.log = Path(environment["HOME"]) / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                arguments, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> "Served":
        end = time.monotonic() + 60
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                pytest.fail(f"{self.address} does not answer:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.address, timeout=2):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
