"""A real browser for the tests: headless Chromium, installed where that can be done."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait


def _find() -> tuple[str, str] | None:
    browser, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


def _install() -> str:
    """Installs Chromium and its driver, once for all workers; returns what apt-get had to say."""
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")):
        return "only root can install them, with apt-get"
    import fcntl

    said = ""
    with (Path(tempfile.gettempdir()) / "nanobanana-apt-get.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium", "chromium-driver"]):
            if not _find():
                environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
                done = subprocess.run(["apt-get", "-q", *command], env=environment, capture_output=True, text=True)
                said = (done.stderr or done.stdout)[-500:]
    return said


def _find_or_install() -> tuple[str, str]:
    """Chromium and its driver, installed where that can be done; otherwise skips, or fails on CI."""
    said = "" if _find() else _install()
    found = _find()
    if found:
        return found
    reason = f"pages were not tried in a browser, as there is no chromium with chromedriver here: {said}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless Chromium that logs what it asks the network for."""
    browser, driver = _find_or_install()
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"),
        *("disable-component-update", "disable-sync", "disable-dev-shm-usage", "no-proxy-server"),
        f"user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        running = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        running.command_executor.client_config.timeout = 60
        try:
            yield running
        finally:
            running.quit()


def until(chromium: webdriver.Chrome, condition: Callable[[], Any]) -> None:
    """Waits for the page."""
    WebDriverWait(chromium, 20, poll_frequency=0.05).until(lambda _: condition())


def seen_as(chromium: webdriver.Chrome, width: int, scheme: str) -> None:
    """Sets how wide the window is, and whether its user likes it light or dark."""
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
