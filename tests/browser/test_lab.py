"""Notebooks in JupyterLab as a person opens them: run to the end, play with them, save."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOWN = ("00_tour", "05_coloring_examples")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab on a copy of the notebooks under git, with settings of its own."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "0"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR")}
    found = {"JUPYTER_PATH": f"{sys.prefix}/share/jupyter", "PYTHONPATH": f"{ROOT}:{ROOT / 'ci'}"}
    options = [
        *("--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="),
        *(f"--notebook-dir={folder / 'notebooks'}", "--FileContentsManager.pre_save_hook=lab.without_outputs"),
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options],
        env={**os.environ, **settings, **found},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/lab"
    for _ in range(120):
        try:
            urllib.request.urlopen(address)
            break
        except OSError:
            time.sleep(0.5)
    yield address, folder
    server.terminate()
    server.wait()


@pytest.mark.parametrize("notebook", SHOWN)
def test_runs_to_the_end_and_answers(visit, lab, notebook):
    address, folder = lab
    page = visit.page
    page.goto(f"{address}/tree/{notebook}.ipynb")
    page.locator(".jp-Notebook").wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(
        """() => { const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputArea-prompt")];
        return prompts.length && prompts.every((prompt) => /\\[\\d+\\]/.test(prompt.textContent)); }""",
        timeout=240_000,
    )
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    visit.keep(f"lab_{notebook}")
    if notebook == "00_tour":
        player = page.locator(".player")
        player.get_by_title("on").click()
        assert player.locator("span").inner_text().startswith("2 /")
        frame = page.locator("iframe[srcdoc]").first
        before = frame.get_attribute("srcdoc")
        page.locator(".widget-dropdown select").select_option(label="hypercube")
        page.wait_for_function(
            "(before) => document.querySelector('iframe[srcdoc]').getAttribute('srcdoc') !== before", arg=before
        )
    saved = folder / "notebooks" / f"{notebook}.ipynb"
    before = saved.stat().st_mtime_ns
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.get_by_text("Save Notebook", exact=True).click()
    for _ in range(300):
        if saved.stat().st_mtime_ns > before:
            break
        page.wait_for_timeout(100)
    assert saved.stat().st_mtime_ns > before
    changed = subprocess.run(["git", "diff", "--stat"], cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    assert changed.stdout == ""
