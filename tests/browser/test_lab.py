"""Notebooks as a person uses them: `make lab`, run to the end, turn the knobs, play the animation, save."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
CELLS = "jupyterapp.shell.currentWidget.content.model.toJSON().cells"  # those out of sight are not on the page


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> str:
    """The address of the JupyterLab that `make lab` starts."""
    folder = tmp_path_factory.mktemp("lab")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "jupyter_lab_config.py").write_text(
        f"c.ServerApp.port, c.ServerApp.port_retries = {port}, 0\n"
        "c.ServerApp.open_browser = False\n"
        "c.IdentityProvider.token = 'test'\n"
        "c.LabApp.expose_app_in_browser = True\n"
    )
    homes = {"JUPYTER_CONFIG_DIR": folder, "JUPYTERLAB_SETTINGS_DIR": folder, "JUPYTERLAB_WORKSPACES_DIR": folder}
    log = (folder / "log").open("w+")
    server = subprocess.Popen(
        ["make", "lab"],
        cwd=ROOT,
        env=os.environ | {name: str(path) for name, path in homes.items()},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not _answers(address):
            assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)
        deadline = time.monotonic() + 20  # for the server to end its kernels; make does not wait for it
        while _answers(address) and time.monotonic() < deadline:
            time.sleep(0.5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        log.close()


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/api", timeout=1).close()
    except OSError:
        return False
    return True


def opened(visit, lab: str, notebook: str):
    """The page of a notebook whose cells have all been run."""
    page = visit.page
    page.goto(f"{lab}/lab/tree/{notebook}.ipynb?token=test&reset")
    page.wait_for_function(KERNEL, timeout=60_000)
    page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-item", has_text=re.compile("^Run All Cells$")).click()
    code = f"{CELLS}.filter(cell => cell.cell_type === 'code')"
    failed = f"{code}.flatMap(cell => cell.outputs).filter(output => output.output_type === 'error')"
    page.wait_for_function(f"({code}.at(-1).execution_count || {failed}.length) && {KERNEL}", timeout=300_000)
    wrong = page.evaluate(failed)
    assert wrong == []
    return page


def save(page) -> None:
    page.keyboard.press("Control+s")
    page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty", timeout=30_000)


@pytest.mark.parametrize("notebook", ["00_tour", "05_coloring_examples"])
def test_a_notebook_runs_to_its_end_and_saving_it_changes_nothing(visit, lab, notebook):
    file = ROOT / "notebooks" / f"{notebook}.ipynb"
    before = file.read_bytes()
    page = opened(visit, lab, notebook)
    visit.keep(notebook)
    save(page)
    assert file.read_bytes() == before


def test_the_tour_answers_and_plays(visit, lab):
    page = opened(visit, lab, "00_tour")
    player = page.locator(".player")
    player.scroll_into_view_if_needed()
    player.get_by_title("on").click()
    assert player.locator("span").inner_text().startswith("2 /")
    player.get_by_title("play or pause").click()
    page.wait_for_function("!document.querySelector('.player span').innerText.startsWith('2 /')", timeout=5_000)
    counts = page.frame_locator(".jupyter-widgets iframe").locator(".counts")
    expect(counts).to_contain_text("cycles a trained sample")
    page.locator(".widget-dropdown select").select_option(label="butterfly")
    expect(page.locator(".widget-slider")).to_have_count(2, timeout=20_000)
    expect(counts).not_to_contain_text("cycles a trained sample", timeout=20_000)
    before = counts.inner_text()
    page.locator(".widget-slider .noUi-handle").first.press("ArrowRight")
    expect(counts).not_to_have_text(before, timeout=20_000)
    visit.keep("tour_explorer")
