"""Listening pages in a browser: what they play, show and log. Requires Debian's `chromium`."""

import csv
import io
import itertools
import re
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from helpers import noise
from listener import EAR, Listener
from playwright.sync_api import expect, sync_playwright

import jtfs_jax
from jtfs_jax import listening

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the program chromium is not installed")

RATE, DURATION = 8000, 4.0
HOSTILE = "</script><script>window.broken = 1</script><img src=x onerror='window.broken=1'> \"ü\""
SOUNDS = 0.1 * noise(4, int(RATE * DURATION), seed=1) * np.array([[1], [0.5], [1], [2]], np.float32)
NAMES = ["target", "seed 0", HOSTILE, "loud"]
LEFT, RIGHT = SOUNDS[0], SOUNDS[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    target, *metamers = SOUNDS
    errors = {"seed 0": np.geomspace(1, 0.0123, 50), "loud": [0.5, 0.0, np.nan, 0.02]}
    settings = {"T": 8192, HOSTILE: HOSTILE}
    given = dict(zip(NAMES[1:], metamers, strict=True))
    noises = listening.Comparison("four noises", target, given, errors, settings)
    stereo = listening.Comparison("in stereo", np.stack([LEFT, RIGHT]), {"swapped": SOUNDS[1::-1]})
    path = tmp_path_factory.mktemp("page") / "page.html"
    bank = jtfs_jax.filterbank(None, J=4, Q=4)
    listening.write_page(path, [noises, stereo], sample_rate=RATE, bank=bank, title=HOSTILE)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        switches = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(10_000)
        yield context
        browser.close()


@pytest.fixture
def page(browser, address):
    """The page, which must cause no errors, messages or requests."""
    complaints = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(address)
    yield page
    page.close()
    allowed = (address, "data:", "blob:")
    assert not [text for text in complaints if not text.startswith(allowed)]


@pytest.fixture
def listener(page):
    return Listener(page, SOUNDS)


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def state(page):
    return page.locator("html").get_attribute("data-state")


# ---- Playing -------------------------------------------------------------------------------------


def test_the_position_advances_with_the_sound(page, listener):
    assert listener.play() == RATE
    listener.listen()
    heard, shown = listener.heard(EAR)
    index, position, gain = listener.recognize(heard[0])
    assert index == 0
    assert gain == pytest.approx(1, abs=0.01)
    assert position / RATE == pytest.approx(shown, abs=0.05)
    listener.wait(0.05)
    assert listener.position() > shown
    press(page, "Space")
    assert state(page) == "paused"
    stopped = listener.position()
    time.sleep(0.1)
    assert listener.position() == stopped
    assert page.locator("#time").inner_text().startswith("0:0")


def test_switching_keeps_the_position_to_the_sample(page, listener):
    listener.play()
    listener.wait(0.3)
    press(page, "1")
    assert listener.listen()[0] == 1
    heard = listener.heard()[0][0]
    last = listener.recognize(heard[-EAR:])
    begun = np.flatnonzero(heard)[0]
    first = listener.recognize(heard[begun : begun + EAR])
    assert (first[0], last[0]) == (0, 1)
    start = last[1] - (len(heard) - begun)  # position of the first sample heard
    assert first[1] == start + EAR
    target, metamer = SOUNDS[:2, start : start + len(heard) - begun]
    heard = heard[begun:]
    of_target = np.abs(heard - first[2] * target) < 1e-3
    of_metamer = np.abs(heard - last[2] * metamer) < 1e-3
    fading = np.flatnonzero(~of_target & ~of_metamer)
    assert 0 < np.ptp(fading) <= 0.01 * RATE + 128  # and a render quantum


def test_levels_match_unless_told_otherwise(page, listener):
    listener.play()
    press(page, "l")
    norms = np.linalg.norm(SOUNDS, axis=1)
    for matched in (True, False):
        page.locator("#match").set_checked(matched)
        gains = {}
        for key in range(4):
            press(page, str(key))
            found, _, gains[key] = listener.listen()
            assert found == key
        gains = np.array(list(gains.values()))
        relative = gains * norms if matched else gains
        np.testing.assert_allclose(relative / relative[0], 1, rtol=0.01)


def test_stereo_plays_as_stereo(page):
    page.locator("#comparison").select_option("in stereo")
    listener = Listener(page, [LEFT, RIGHT])
    listener.play()
    listener.wait(0.15)
    left, right = (listener.recognize(heard)[0] for heard in listener.heard(EAR)[0])
    assert (left, right) == (0, 1)
    press(page, "1")
    listener.wait(0.15)
    left, right = (listener.recognize(heard)[0] for heard in listener.heard(EAR)[0])
    assert (left, right) == (1, 0)


def test_loop_and_end(page, listener):
    press(page, *["ArrowRight"] * 18)
    assert listener.position() == pytest.approx(3.6)
    listener.play()
    page.locator("html[data-state=paused]").wait_for()
    assert listener.position() == 0
    press(page, "l", *["ArrowRight"] * 18)
    expect(page.locator("#loop")).to_be_checked()
    listener.play()
    listener.wait(0.5)
    assert state(page) == "playing"
    assert listener.position() < 1
    assert listener.listen()[1] / RATE < 1
    press(page, "L")
    expect(page.locator("#loop")).not_to_be_checked()
    press(page, *["ArrowRight"] * 20)
    assert state(page) == "paused"
    assert listener.position() == DURATION
    press(page, "Space")
    page.locator("html[data-state=playing]").wait_for()
    assert listener.position() < 1


def test_seeking(page, listener):
    slider, picture = page.locator("#position"), page.locator(".picture").first
    box = picture.bounding_box()
    assert box
    picture.click(position={"x": box["width"] / 2, "y": 20})
    assert listener.position() == pytest.approx(DURATION / 2, abs=0.01)
    cursor = page.locator(".cursor").first.bounding_box()
    assert cursor
    assert cursor["x"] + 1 == pytest.approx(box["x"] + box["width"] / 2, abs=2)
    slider.fill("0.5")
    assert listener.position() == 0.5
    slider.focus()
    press(page, "ArrowLeft", "ArrowLeft", "ArrowRight")
    assert listener.position() == pytest.approx(0.3)
    assert slider.get_attribute("aria-valuetext") == "0.3 of 4.0 seconds"
    listener.play()
    slider.fill("1.5")
    assert 1.5 < listener.listen()[1] / RATE < DURATION


def test_volume(page, listener):
    listener.play()
    press(page, "l")
    page.locator("#volume").fill("50")
    assert listener.listen()[2] == pytest.approx(0.25, rel=0.02)


# ---- What is shown -------------------------------------------------------------------------------


def test_names_are_text(page):
    assert page.title() == HOSTILE
    expect(page.locator("h1")).to_have_text(HOSTILE)
    assert page.locator(".sound .name").all_inner_texts() == NAMES
    expect(page.locator("#settings-list > div").nth(1)).to_have_text(HOSTILE + HOSTILE)
    assert page.evaluate("() => window.broken") is None


def test_keys_choose_sounds(page):
    for key, name in [
        ("1", "seed 0"),
        ("3", "loud"),
        ("t", "target"),
        ("2", HOSTILE),
        ("0", "target"),
    ]:
        press(page, key)
        expect(page.locator(".sound:has(:checked) .name")).to_have_text(name)
        expect(page.locator("figure.heard figcaption")).to_have_text(name)
        expect(page.locator("#live")).to_have_text(f"You hear {name}.")
    press(page, "9")
    expect(page.locator(".sound:has(:checked) .name")).to_have_text("target")
    assert page.locator("figcaption").all_inner_texts()[1] == HOSTILE  # the last metamer heard
    page.get_by_role("radio", name="seed 0").focus()
    press(page, "ArrowDown", "ArrowDown")
    expect(page.locator(".sound:has(:checked) .name")).to_have_text("loud")


def test_the_list_of_keys(page):
    dialog = page.get_by_role("dialog", name="Keys")
    press(page, "?")
    expect(dialog).to_be_visible()
    press(page, "1", "?")
    expect(dialog).to_be_hidden()
    expect(page.locator("html")).to_have_attribute("data-sound", "0")
    page.get_by_role("button", name="Keys").click()
    press(page, "Escape")
    expect(dialog).to_be_hidden()


def test_pictures_and_errors(page):
    images = page.locator("#pictures img")
    assert images.evaluate_all("(all) => all.map((image) => image.naturalWidth)") == [1000, 1000]
    expect(images.first).to_have_attribute("alt", re.compile("Scalogram of target"))
    chart = page.locator("#curves svg")
    expect(chart).to_have_attribute("aria-label", re.compile(r"seed 0, from 100 % to 1\.2 %"))
    assert chart.locator("polyline").count() == 1
    assert chart.locator("circle").count() == 2  # between gaps
    assert page.locator(".sound .error").all_inner_texts() == ["error 1.2 %", "error 2.0 %"]
    assert page.locator("#legend li").all_inner_texts() == ["seed 0", "loud"]


def test_comparisons_are_found_by_words(page):
    page.get_by_label("Find").fill("STEREO in")
    expect(page.locator("h2#title")).to_have_text("in stereo")
    expect(page.locator("#found")).to_have_text("1 of 2 comparisons")
    expect(page.locator("#errors")).to_be_hidden()
    expect(page.locator("#settings")).to_be_hidden()
    page.get_by_label("Find").fill("1 t l")  # keys that have another meaning elsewhere
    expect(page.locator("#found")).to_have_text("No title contains these words.")
    page.get_by_label("Find").fill("")
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("h2#title")).to_have_text("four noises")
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("h2#title")).to_have_text("in stereo")


def test_controls_have_names_and_a_visible_focus(page):
    pattern = r"- (button|checkbox|radio|slider|combobox|searchbox|spinbutton|textbox)( \")?"
    controls = re.findall(pattern, page.locator("body").aria_snapshot())
    assert len(controls) >= 15
    assert all(named for _, named in controls)
    order = []
    for _ in range(20):
        press(page, "Tab")
        identity, outline = page.evaluate(
            "() => { const e = document.activeElement;"
            " return [e.id || e.name, getComputedStyle(e).outlineStyle]; }"
        )
        if identity in order:
            break
        if identity:
            assert outline == "solid", identity
            order.append(identity)
    expected = (
        "show-keys find comparison next sound play position loop match volume opponent trials"
    )
    assert order[:14] == [*expected.split(), "tell", "start"]


def test_schemes_and_widths(page):
    for width, scheme in itertools.product((360, 1280), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        background = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        levels = [int(level) for level in re.findall(r"\d+", background)]
        assert min(levels) > 200 if scheme == "light" else max(levels) < 60


# ---- Blind test ----------------------------------------------------------------------------------


def test_a_blind_test_is_logged(page, listener):
    page.get_by_label("Trials").fill("4")
    page.get_by_label("Say after each answer").check()
    press(page, "l")
    page.get_by_role("button", name="Start the test").click()
    for hidden in ("#sounds", "#scalograms", "#errors", "#settings", "#choose", "#match"):
        expect(page.locator(hidden)).to_be_hidden()
    assert not {"target", "seed 0", "loud"} & set(page.locator("body").inner_text().split("\n"))
    listener.play()
    trials = []
    for trial in range(4):
        expect(page.locator("#trial")).to_have_text(f"Trial {trial + 1} of 4")
        heard = {}
        for letter in "BXA":
            press(page, letter.lower())
            expect(page.locator(f"[data-letter={letter}]")).to_have_attribute(
                "aria-pressed", "true"
            )
            heard[letter] = listener.listen()[0]
        x = "A" if heard["X"] == heard["A"] else "B"
        assert heard["X"] == heard[x]
        assert 0 in (heard["A"], heard["B"])
        assert heard["A"] != heard["B"]
        answer = x if trial != 2 else {"A": "B", "B": "A"}[x]
        right = "yes" if trial != 2 else "no"
        trials.append([NAMES[heard["A"]], NAMES[heard["B"]], x, answer, right])
        if trial % 2:
            page.get_by_role("button", name=f"X is {answer}").click()
        else:
            press(page, f"Shift+{answer}")
        if trial < 3:
            word = "right" if right == "yes" else "wrong"
            expect(page.locator("#feedback")).to_have_text(f"The last answer was {word}.")
    assert state(page) == "paused"
    expect(page.locator("#score")).to_contain_text("3 of 4 answers are right")
    expect(page.locator("#score")).to_contain_text("p\u00a0=\u00a00.313")  # (4 + 1) / 16
    expect(page.locator("#scalograms")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save log").click()
    assert download.value.suggested_filename == "blind-test.csv"
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    for trial, (row, known) in enumerate(zip(rows, trials, strict=True)):
        assert row["test"] == "1"
        assert row["trial"] == str(trial + 1)
        assert row["comparison"] == "four noises"
        correct = {"true": "yes", "false": "no"}[row["correct"]]
        assert [row["A"], row["B"], row["X"], row["answer"], correct] == known
        assert row["switches"] == "3"  # to B, X and A
        assert 0.3 < float(row["seconds"]) < 30


def test_a_blind_test_can_be_stopped(page):
    page.get_by_label("Metamer").select_option("loud")
    page.get_by_role("button", name="Start the test").click()
    press(page, "1", "t", "Shift+X", "Shift+B")
    expect(page.locator("#trial")).to_have_text("Trial 2 of 10")
    expect(page.locator("#feedback")).to_have_text("")
    page.get_by_role("button", name="Stop the test").click()
    expect(page.locator("#score")).to_contain_text("of 1 answers")
    cells = page.locator("#log-rows td").all_inner_texts()
    assert sorted(cells[3:5]) == ["loud", "target"]
    page.get_by_role("button", name="Start the test").click()
    page.get_by_role("button", name="Stop the test").click()
    expect(page.locator("#score")).to_contain_text("stopped before the first answer")
    assert page.locator("#log-rows tr").count() == 1


def test_orders_are_random_and_p_values_right(browser):
    program = (Path(listening.__file__).parent / "blind_test.js").read_text(encoding="utf-8")
    script = """
      const names = ["target", "a", "b"];
      const test = new BlindTest({ number: 1, comparison: "", names, opponent: null, count: 600 });
      while (!test.isOver) test.answer("A");
      const p_values = [[0, 3], [3, 3], [9, 10], [120, 200]].map(([k, n]) => pValue(k, n));
      return [test.rows, test.score, p_values];"""
    page = browser.new_page()
    rows, score, p_values = page.evaluate(f"() => {{ {program} {script} }}")
    page.close()
    kinds = Counter((a, b, x) for _, _, _, a, b, x, *_ in rows)
    assert len(kinds) == 8  # four pairs, and X is either
    assert max(kinds.values()) < 2 * min(kinds.values())  # 75 each, more or less
    assert score == sum(x == "A" for *_, x, _, _, _, _ in rows)
    expected = [1, 1 / 2**3, 11 / 2**10, scipy.stats.binom.sf(119, 200, 0.5)]
    np.testing.assert_allclose(p_values, expected, rtol=1e-9)
