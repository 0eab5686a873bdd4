#!/usr/bin/env python3
"""The page of `rimshot serve` in a real headless Chromium.

    tests/cli/check_serve.py RIMSHOT MODEL FOLDER SCREENSHOTS [INDEX]

FOLDER holds sounds, of which up to 8 are dropped and chosen; their probabilities must be those of
`rimshot classify` within 1e-4. Also tried: sample buttons, playing, a folder, what is no sound, the
table as CSV, arrow keys, similar sounds where an INDEX is given, a phone's width without a sideways
scroll, and dark mode. Pictures go to the folder SCREENSHOTS.

Python 3.11, playwright 1.61.0, Chromium 156. Exit status 77, with a word, where one of them is
missing.
"""
import base64
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    print("skipped: no playwright")
    sys.exit(77)

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DROP = """([name, text]) => {
    const transfer = new DataTransfer(), bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
    document.documentElement.dispatchEvent(
        new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""
BARS = "rows => Object.fromEntries(rows.map(r => [r.dataset.name, +r.dataset.probability]))"


def start(rimshot, model, index):
    command = [rimshot, "serve", model, "--port", "0", *(["--index", index] if index else [])]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    address = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
    return server, address.group()


def heard(page, n):
    page.wait_for_function("n => document.querySelectorAll('#files tbody tr').length === n", arg=n)
    page.wait_for_function("() => !document.querySelector('#say').textContent.startsWith('Listen')")


def drop(page, path):
    page.evaluate(DROP, [path.name, base64.b64encode(path.read_bytes()).decode()])


def check_probabilities(page, rimshot, model, sounds):
    worst = 0
    lines = subprocess.run([rimshot, "classify", model, "--json", *map(str, sounds)],
                           capture_output=True, text=True, check=False).stdout.splitlines()
    for i, wanted in enumerate(map(json.loads, lines)):
        page.locator("#files tbody button").nth(i).click()
        found = page.eval_on_selector_all("#bars li", BARS)
        assert found.keys() == wanted["probability"].keys(), (found, wanted)
        worst = max(worst, *(abs(found[k] - p) for k, p in wanted["probability"].items()))
        best = page.locator("#bars li.best span").first.text_content()
        assert best == wanted["class"], (sounds[i], best, wanted["class"])
    print(f"{len(sounds)} sounds, probabilities at most {worst:.1e} from classify's")
    assert worst <= 1e-4, worst


def check_phone(browser, address, sound, pictures):
    page = browser.new_context(viewport={"width": 375, "height": 812}, device_scale_factor=2,
                               color_scheme="dark").new_page()
    page.goto(address)
    page.set_input_files("#choose", str(sound))
    heard(page, 1)
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 375, f"the page is {width} wide on a phone"
    page.screenshot(path=pictures / "serve-phone.png", full_page=True)


def check_page(browser, address, given, pictures):
    rimshot, model, folder = given[:3]
    strangers, faults = [], []
    page = browser.new_context(viewport={"width": 1040, "height": 860}).new_page()
    page.on("request", lambda r: None if re.match(r"(data|blob):", r.url) or r.url.startswith(
        address) else strangers.append(r.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    sounds = sorted(pathlib.Path(folder).rglob("*.wav"))[:8]
    page.goto(address)
    page.wait_for_selector("#samples button")
    drop(page, sounds[0])
    heard(page, 1)
    page.set_input_files("#choose", [str(s) for s in sounds[1:]])
    heard(page, len(sounds))
    check_probabilities(page, rimshot, model, sounds)
    page.focus("#files tbody tr:nth-child(1) button")
    page.keyboard.press("ArrowDown")
    assert page.text_content("#name").endswith(" · " + sounds[1].name)
    page.locator("#samples button").first.click()
    heard(page, len(sounds) + 1)
    page.click("#play")
    page.wait_for_function("() => document.body.dataset.played === '1'")
    if len(given) > 4:
        page.locator("#likes button").first.click()
        page.wait_for_function("() => document.body.dataset.played === '2'")
    page.evaluate("() => document.activeElement.blur()")
    page.screenshot(path=pictures / "serve.png", full_page=True)
    notes = pathlib.Path(pictures) / "notes.txt"
    notes.write_text("no sound")
    drop(page, notes)
    heard(page, len(sounds) + 2)
    assert "notes.txt was refused: not an audio file" in page.text_content("#say")
    with page.expect_download() as download:
        page.click("#csv")
    rows = pathlib.Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("name,class,confidence,seconds,") and len(rows) == len(sounds) + 3
    page.set_input_files("#tree", folder)
    page.wait_for_function("n => document.querySelectorAll('#files tbody tr').length > n",
                           arg=len(sounds) + 2)
    assert not strangers and not faults, (strangers, faults)
    check_phone(browser, address, sounds[0], pictures)


def main():
    given = sys.argv[1:]
    if BROWSER is None:
        print("skipped: no Chromium")
        return 77
    pictures = pathlib.Path(given[3])
    server, address = start(given[0], given[1], given[4] if len(given) > 4 else None)
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
            check_page(browser, address, given, pictures)
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        status = server.wait(10)
    assert status == 130, status
    return 0


if __name__ == "__main__":
    sys.exit(main())
