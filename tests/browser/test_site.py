"""The site as its readers use it, from files, without a network."""

from collections import Counter
from pathlib import Path
from urllib.parse import urldefrag, urlparse

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"


@pytest.fixture(scope="module")
def site() -> Path:
    if not (SITE / "index.html").exists():
        pytest.fail("the site is not built: call make figures and make site first")
    return SITE


def test_three_doors_lead_on(visit, site):
    visit.page.goto((site / "index.html").as_uri())
    visit.keep("index")
    for door in ("Use the layer", "Build the machine", "Check the statements"):
        visit.page.goto((site / "index.html").as_uri())
        visit.page.locator(".door").get_by_role("link", name=door).click()
        assert visit.page.locator("h1").inner_text()


def test_every_link_between_pages_holds(visit, site):
    pages = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    broken = []
    for path in pages:
        visit.page.goto(path.as_uri(), wait_until="commit")
        targets = visit.page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
        for target in {urldefrag(target).url for target in targets if target.startswith("file:")}:
            if not Path(urlparse(target).path).exists():
                broken.append((path.relative_to(site).as_posix(), target))
    assert len(pages) > 50
    assert broken == []


def test_statements_sort_and_filter(visit, site):
    page = visit.page
    page.goto((site / "statements.html").as_uri())
    rows = page.locator("#verdicts tbody tr")
    everything = rows.count()
    verdicts = Counter(
        text.split(", notebook")[0] for text in page.locator("#verdicts td:nth-child(5)").all_inner_texts()
    )
    page.select_option("#verdict", "reproduced")
    assert page.locator("#verdicts tbody tr:visible").count() == verdicts["reproduced"] < everything
    page.select_option("#verdict", "")
    page.fill("#words", "butterfly")
    assert 0 < page.locator("#verdicts tbody tr:visible").count() < everything
    page.fill("#words", "")
    head = page.locator("#verdicts th", has_text="verdict")
    head.click()
    ascending = page.locator("#verdicts td:nth-child(5)").all_inner_texts()
    head.click()
    assert ascending == sorted(ascending, key=str.lower) != ascending[::-1]
    assert page.locator("#verdicts td:nth-child(5)").all_inner_texts()[0] == ascending[-1]
    visit.keep("statements")


def test_search_finds(visit, site):
    visit.page.goto((site / "search.html").as_uri() + "?q=ClosLinear")
    visit.page.locator("#search-results li").first.wait_for()
    assert "fabric.nn" in " ".join(visit.page.locator("#search-results li").all_inner_texts())


def test_explorer_answers_and_lights_paths(visit, site):
    page = visit.page
    page.goto((site / "_static" / "explorer.html").as_uri())
    before = page.locator(".counts").inner_text()
    page.locator("input[type=range]").nth(2).fill("3")
    assert page.locator(".counts").inner_text() != before
    lit = page.locator("svg g").nth(2)
    once = lit.inner_html()
    page.locator("circle[data-at='0,5']").hover()
    assert lit.inner_html() != once
    for family in page.locator("select option").all_inner_texts():
        page.select_option("select", label=family)
        assert page.locator("circle").count() > 0, family
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.keep("explorer")


def test_players_play_pause_and_step(visit, site):
    page = visit.page
    page.goto((site / "motion.html").as_uri())
    for player in page.locator(".player").all():
        told = player.locator("span")
        assert told.inner_text().startswith("1 /")
        player.get_by_title("on").click()
        assert told.inner_text().startswith("2 /")
        player.get_by_title("back", exact=True).click()
        player.get_by_title("play or pause").click()
        page.wait_for_timeout(1100)
        player.get_by_title("play or pause").click()
        stopped = told.inner_text()
        assert not stopped.startswith("1 /")
        page.wait_for_timeout(1100)
        assert told.inner_text() == stopped
        assert player.locator("img:visible").count() == 1
    assert page.locator(".player").count() == 2
    visit.keep("motion")
