"""The pages of rimshot map in a real browser: check_map.py MAP.html...

Bubbles are drawn, a click plays the file it stands for, names are found, classes and lengths filtered, a rectangle
selects, keys move. Exit status 77 where there is no browser. PICTURES=FOLDER keeps what was seen."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from browser import Browser, find

SCREEN = "(i => { const b = canvas.getBoundingClientRect(); return [screenX(i) + b.x, screenY(i) + b.y]; })"
# Pixels that are nearer to a class' colour than to the paper.
PAINTED = """(() => { const d = pen.getImageData(0, 0, canvas.width, canvas.height).data; let k = 0;
  for (let i = 0; i < d.length; i += 4) k += Math.abs(d[i] - d[0]) + Math.abs(d[i + 1] - d[1]) + Math.abs(d[i + 2] - d[2]) > 60;
  return k; })()"""


def keep(page, name):
    if "PICTURES" in os.environ:
        page.picture(f"{os.environ['PICTURES']}/{name}.png")


def check_desktop(url):
    with Browser() as page:
        page.open(url)
        page.wait("document.title.endsWith(' sounds')")
        n = page.evaluate("n")
        page.evaluate("new Promise(requestAnimationFrame)")
        page.wait(PAINTED + f" > {n}")
        everything = page.evaluate(PAINTED)
        for i in range(n):  # a click plays the file it stands for
            x, y = page.evaluate(f"{SCREEN}({i})")
            page.click(x, y)
            page.wait("player.currentTime > 0 || player.ended || player.error")
            at = page.evaluate("at")
            assert at >= 0 and page.evaluate("player.error === null"), page.evaluate("player.src")
            assert page.evaluate("document.getElementById('now').textContent.startsWith(DATA.names[at])")
            assert page.evaluate("Math.abs(player.duration - DATA.seconds[at]) < 0.06"), "another sound was played"
        page.evaluate("document.getElementById('search').value = 'kick/'; filter()")
        assert page.evaluate("shown.reduce((a, b) => a + b)") == page.evaluate("DATA.names.filter(x => x.includes('kick/')).length")
        page.evaluate("new Promise(requestAnimationFrame)")
        page.wait(PAINTED + f" < {everything}")
        page.evaluate("document.getElementById('search').value = ''; document.getElementById('none').click()")
        assert page.evaluate("shown.every(s => s === 0)")
        page.evaluate("document.getElementById('every').click(); document.getElementById('s0').value = 1000; filter()")
        assert page.evaluate("shown.every(s => s === 0)")
        page.evaluate("document.getElementById('s0').value = ''; filter(); document.getElementById('box').click()")
        box = page.evaluate("(b => [b.x, b.y, b.right, b.bottom])(canvas.getBoundingClientRect())")
        page.drag([(box[0] + 2, box[1] + 2), (box[0] + 200, box[1] + 200), (box[2] - 2, box[3] - 2)])
        assert page.evaluate("selected.every(s => s === 1)")
        assert page.evaluate("document.querySelectorAll('#chosen li').length") == n
        keep(page, "map-desktop")
        page.evaluate("clear(); at = -1; canvas.focus()")
        page.key("ArrowRight")
        assert page.evaluate("at") >= 0
        page.key("s", "s")
        assert page.evaluate("selected[at] === 1 && selected.reduce((a, b) => a + b) === 1")
        page.key("Escape")
        assert page.evaluate("selected.every(s => s === 0)")
        assert not page.problems(), page.problems()


def check_phone(url):
    with Browser(width=390, height=844, mobile=True, dark=True, scale=2) as page:
        page.open(url)
        page.wait("document.title.endsWith(' sounds')")
        page.evaluate("new Promise(requestAnimationFrame)")
        page.wait(PAINTED + " > 0")
        assert page.evaluate("document.documentElement.scrollWidth <= 390"), "wider than the phone"
        assert page.evaluate("pen.getImageData(0, 0, 1, 1).data[0] < 60"), "no dark mode"
        keep(page, "map-phone")
        assert not page.problems(), page.problems()


if find() is None:
    sys.exit(77)
for page_file in sys.argv[1:]:
    address = Path(page_file).resolve().as_uri()
    check_desktop(address)
    check_phone(address)
