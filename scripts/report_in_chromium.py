#!/usr/bin/env python3
"""Opens pages of `botmm report` in headless Chromium: no complaint, no request, every chart has something in it, it
fits a phone, it has two schemes, and a chart of prices can be looked at closely. Called by report.sh; nothing but
the standard library.

usage: report_in_chromium.py CHROMIUM FOLDER PICTURES PAGE...
"""

import sys
from pathlib import Path

from chromium import Chromium

# Charts, and what each has drawn; figures, and whether each has a chart, a table, or says why not.
SHOWN = """(() => {
  const drawn = (svg) => [...svg.querySelectorAll('.line, .dot, .bar, .share, .area')].filter((shape) => {
    const box = shape.getBoundingClientRect();
    return box.width > 0 || box.height > 0 || shape.matches('.dot');
  }).length;
  const figures = [...document.querySelectorAll('section.figure')].map((figure) => ({
    id: figure.id,
    how: figure.querySelector('.how').textContent,
    charts: [...figure.querySelectorAll('svg')].map(drawn),
    rows: figure.querySelectorAll('table tbody tr').length,
    absent: figure.querySelector('.absent') !== null,
  }));
  return { figures, verdict: document.querySelector('#verdict .big').textContent,
    ground: getComputedStyle(document.body).backgroundColor };
})()"""

# What stands beyond the edge of a phone, but for what can be scrolled by itself.
BEYOND = """(() => [...document.querySelectorAll('main *')].filter((e) => !e.closest('.wide, svg, .xs'))
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
  .map((e) => `${e.tagName}.${e.className}: ${e.textContent.slice(0, 40)}`))()"""


def look_at(browser, page, pictures):
    browser.open(page.resolve().as_uri())
    browser.until("the page", "document.readyState === 'complete'")
    shown = browser.eval(SHOWN)
    if len(shown["figures"]) < 2 or not shown["verdict"]:
        sys.exit(f"{page}: no figures, or no verdict: {shown}")
    charts = 0
    for figure in shown["figures"]:
        if not figure["how"]:
            sys.exit(f"{page}: {figure['id']} does not say how to read it")
        if 0 in figure["charts"]:
            sys.exit(f"{page}: a chart of {figure['id']} is empty: {figure['charts']}")
        if not figure["charts"] and not figure["rows"] and not figure["absent"]:
            sys.exit(f"{page}: {figure['id']} shows nothing and does not say why")
        charts += len(figure["charts"])
    grounds = {}
    for width, height in ((1200, 900), (400, 800)):
        for scheme in ("light", "dark"):
            picture = pictures / f"{page.parent.name}_{page.stem}_{width}_{scheme}.png"
            wide = browser.picture(picture, width, height, scheme)
            if wide > width or browser.eval(BEYOND):
                sys.exit(f"{page}: at {width} px it is {wide} px wide: {browser.eval(BEYOND)}")
            grounds[scheme] = browser.eval(SHOWN)["ground"]
    if grounds["light"] == grounds["dark"]:
        sys.exit(f"{page}: dark is as light: {grounds}")
    zoomable = browser.eval("document.querySelectorAll('.zoomable').length")
    if zoomable:
        zoom(browser, page, pictures)
    if browser.complaints() or browser.asked_for():
        sys.exit(f"{page}: the console says {browser.complaints()}, and it asked for {browser.asked_for()}")
    print(f"{page}: {len(shown['figures'])} figures, {charts} charts, {zoomable} of them zoomable: {shown['verdict']}")


def zoom(browser, page, pictures):
    view = "document.querySelector('.zoomable svg').getAttribute('viewBox')"
    label = "document.querySelector('.zoomable .xs').textContent"
    whole, labels = browser.eval(view), browser.eval(label)
    for _ in range(2):
        browser.eval("document.querySelector('.tools button').click()")
    if browser.eval(view) == whole or browser.eval(label) == labels:
        sys.exit(f"{page}: a closer look shows the same: {whole}, {labels}")
    browser.picture(pictures / f"{page.parent.name}_{page.stem}_closer.png", 1200, 900, "light")
    browser.eval("[...document.querySelectorAll('.tools button')].find((b) => b.textContent === 'all').click()")
    back = [float(number) for number in browser.eval(view).split()]
    if back != [float(number) for number in whole.split()]:
        sys.exit(f"{page}: all of it is not all: {back}, not {whole}")


def main():
    chromium, folder, pictures = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    browser = Chromium(chromium, folder / "profile")
    try:
        for page in sys.argv[4:]:
            browser.heard.clear()
            look_at(browser, Path(page), pictures)
    finally:
        browser.end()


if __name__ == "__main__":
    main()
