"""The page in a real browser, from disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compare.page.browser import Browser
from tests.compare.page.samples import HOSTILE, sample
from voicepipe.compare.figures import figures_of
from voicepipe.compare.page.comparison import page
from voicepipe.compare.verdict import verdict_of

TAB, ENTER, X = ("Tab", 9), ("Enter", 13), ("x", 88)

COLOUR = "getComputedStyle(document.body).backgroundColor"
FOCUS = "document.activeElement.textContent"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    comparison = sample(folder)
    figures = figures_of(comparison)
    text = page(comparison, figures, verdict_of(comparison, figures), folder=folder)
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser, file: Path) -> Browser:
    chromium.requested.clear()
    chromium.complaints.clear()
    chromium.resize(1280)
    chromium.open(file)
    return chromium


def test_it_asks_nobody_for_anything_and_nothing_is_complained_about(browser: Browser, file: Path) -> None:
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    browser.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert [url for url in browser.requested if not url.startswith("data:")] == [file.as_uri()]
    assert browser.complaints == []
    assert browser.run("violations") == []


def test_its_policy_is_in_force(browser: Browser) -> None:
    """Else the test above would prove nothing."""
    browser.run("document.body.setAttribute('style', 'color: red'); document.body.append(new Image())")
    browser.run("document.querySelector('img').src = 'https://example.com/a.png'")
    browser.run("new Promise((done) => setTimeout(done))")
    assert {"style-src-attr", "img-src"} <= set(browser.run("violations"))


@pytest.mark.parametrize("width", [320, 1280])
def test_every_plot_is_drawn(browser: Browser, width: int) -> None:
    browser.resize(width)
    plots = browser.run(
        "[...document.querySelectorAll('figure')].map((figure) => [...figure.querySelectorAll('svg.marks')]"
        ".map((plot) => plot.getBoundingClientRect()).filter((box) => box.width > 160 && box.height > 60)"
        ".length)"
    )
    assert plots == [1] * 5, "one of the two sizes of: two distributions, a scatter, two of the stand-in's"
    marks = browser.run(
        "[...document.querySelectorAll('svg.marks [role=graphics-symbol]')]"
        ".filter((mark) => mark.checkVisibility() && mark.getBoundingClientRect().width > 0).length"
    )
    assert marks > 20
    bars = browser.run(
        "[...document.querySelectorAll('svg.steps rect')].filter((r) => r.checkVisibility()).length"
    )
    assert bars > 50


def test_text_that_looks_like_markup_is_text(browser: Browser) -> None:
    assert browser.run("document.title") == "clinic <b>"
    assert browser.run("document.querySelectorAll('script').length") == 1
    assert browser.run("document.querySelectorAll('img, b b, i').length") == 0
    shown = browser.run("document.querySelector('.turn bdi').textContent")
    assert shown == HOSTILE.replace("\ud800", "\ufffd")


def test_the_page_never_scrolls_sideways(browser: Browser) -> None:
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for width in (320, 390, 768, 1600):
        browser.resize(width)
        assert browser.run("document.scrollingElement.scrollWidth") <= width


def test_the_keyboard_reaches_the_content_the_theme_and_the_folds(browser: Browser) -> None:
    browser.press(*TAB)
    assert browser.run(FOCUS) == "Skip to the content"
    before = browser.run(COLOUR)
    browser.run("document.querySelector('#theme').focus()")
    browser.press(*ENTER)
    assert browser.run(COLOUR) != before
    assert browser.run("document.querySelector('#theme').getAttribute('aria-pressed')") == "true"
    browser.run("document.querySelector('summary').focus()")
    browser.press(*ENTER)
    assert browser.run("document.querySelector('details').open") is True


def test_text_is_readable_in_both_themes(browser: Browser) -> None:
    for _ in range(2):
        ratios = browser.run(CONTRASTS)
        assert min(ratios.values()) >= 4.5, ratios
        browser.run("document.querySelector('#theme').click()")


def test_the_month_is_reckoned_anew(browser: Browser) -> None:
    cell = "document.querySelector('[data-usd-minute]').textContent"
    assert browser.run(cell) == "584.40", "400 calls of 4 minutes at 0.012 USD a minute, 30.4375 days"
    browser.run(
        "{ const field = document.querySelector('#calls-per-day'); field.value = 10;"
        " field.dispatchEvent(new Event('input')); }"
    )
    assert browser.run(cell) == "14.61"


def test_a_line_is_a_place_in_the_recording(browser: Browser) -> None:
    line = "document.querySelectorAll('[data-player]')[0].querySelectorAll('[data-at]')[1]"
    found = browser.run(
        "new Promise((done) => { const audio = document.querySelector('audio');"
        " audio.addEventListener('playing', () => done([audio.duration, audio.currentTime]), {once: true});"
        f" {line}.closest('details').open = true; {line}.focus(); {line}.click(); }})"
    )
    assert found == pytest.approx([6, 1.7], abs=0.2)
    assert browser.run(f"{line}.getAttribute('aria-current')") == "true"


def test_x_changes_to_the_other_recording_at_the_same_moment(browser: Browser) -> None:
    browser.run("document.querySelector('[data-ab] button').focus()")
    first, second = (
        browser.run(f"document.querySelectorAll('[data-ab] button')[{index}].dataset.recording")
        for index in (0, 1)
    )
    for key, name in ((ENTER, first), (X, second)):
        browser.run(
            f"window.played = new Promise((done) => document.getElementById('{name}')"
            ".addEventListener('playing', done, {once: true})); 0"
        )
        browser.press(*key)
        browser.run("played.then(() => 1)")
    states = browser.run(
        "[...document.querySelectorAll('[data-ab]')][0].querySelectorAll('button').values()"
        ".map((one) => document.getElementById(one.dataset.recording).paused).toArray()"
    )
    assert states == [True, False]


def test_printed_everything_is_open_and_nothing_can_be_pressed(browser: Browser) -> None:
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert browser.run("document.querySelector('.bar').checkVisibility()") is False
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("[...document.querySelectorAll('details')].every((one) => one.open)") is True
    assert browser.run("document.querySelector('details .lines').checkVisibility()") is True
    browser.send("Emulation.setEmulatedMedia", media="")


CONTRASTS = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const paper = getComputedStyle(document.body).backgroundColor;
  const text = {};
  for (const selector of ["body", ".note", "nav a", "svg.marks text", ".bad", ".good", "small", ".why"]) {
    const found = document.querySelector(selector);
    if (!found) continue;
    const style = getComputedStyle(found);
    text[selector] = ratio(found.tagName === "text" ? style.fill : style.color, paper);
  }
  return text;
})()"""
"""By WCAG 2.2's formula for contrast: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
