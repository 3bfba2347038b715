"""What the checks have in common: pages that complain about whatever a browser complains about."""

import re
import time
import unittest
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from world import PHOTOS, Service, world

expect.set_options(timeout=15_000)
#: Rendering on a machine that does other things, too.
PATIENCE = 180_000
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
axe = Axe()


class Case(unittest.TestCase):
    def setUp(self):
        self.contexts: list[BrowserContext] = []
        #: What browsers said of any page; a check that expects something takes it out.
        self.complaints: list[str] = []

    def tearDown(self):
        for context in self.contexts:
            context.close()
        self.assertEqual(self.complaints, [], "a browser complained")

    def open(self, service: Service, path: str = "/", **options) -> Page:
        """A page in a browser of its own, without cookies."""
        options = {"viewport": DESK, "locale": "en-GB", "timezone_id": "Europe/Berlin"} | options
        context = world.browser.new_context(**options)
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: self.note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.goto(service.url + path)
        return page

    def note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def until(self, page: Page, expression: str, argument=None, timeout: float = 30) -> None:
        """Waits until an expression is true. Not by Playwright's own way, which the pages' policy forbids."""
        deadline = time.monotonic() + timeout
        while not page.evaluate(expression, argument):
            self.assertLess(time.monotonic(), deadline, f"never true: {expression}")
            page.wait_for_timeout(100)

    @contextmanager
    def expecting(self, complaint: str):
        """Something that a browser writes into its console in any case, such as an answer that is an error."""
        yield
        self.complaints = [each for each in self.complaints if not re.search(complaint, each)]

    def order(self, page: Page, photo: str = "landscape.jpg", model: str | None = None, words: str = "",
              resolution: str | None = "480p") -> None:
        """Fills in the form of `/` and sends it."""
        page.locator("#image").set_input_files(PHOTOS / photo)
        if model:
            page.locator(f"[name=model][value={model}]").check()
        if words:
            page.get_by_label("What should happen?").fill(words)
        if resolution:
            page.get_by_role("radio", name=resolution).check()
        page.get_by_role("button", name="Animate").click()
        page.wait_for_url(re.compile(r"/animations/[0-9a-f-]{36}$"))

    def wait_until_ready(self, page: Page) -> None:
        page.wait_for_selector("#show[data-status=ready], #show[data-status=failed]", timeout=PATIENCE)
        self.assertEqual(page.locator("#show").get_attribute("data-status"), "ready", page.locator("#show").inner_text())

    def examine(self, page: Page, name: str) -> None:
        """Looks at a state of a page: axe finds nothing wrong, nothing is wider than the screen, and there is a picture of it
        by day and by night, on a desk and on a phone."""
        scripted = page.evaluate("1 + 1") == 2
        self.assertTrue(scripted)
        size = page.viewport_size
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for device, view in (("desk", DESK), ("phone", PHONE)):
                page.set_viewport_size(view)
                result = axe.run(page, options={"resultTypes": ["violations"]})
                self.assertEqual(result.violations_count, 0, f"{name}, {scheme}, {device}:\n{result.generate_report()}")
                self.check_width(page, f"{name}, {device}")
                self.take_picture(page, f"{name}-{device}-{scheme}")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(size)

    def check_width(self, page: Page, name: str) -> None:
        wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        self.assertLessEqual(wide, seen, f"{name} is wider than its screen")

    def take_picture(self, page: Page, name: str) -> None:
        world.pictures.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=world.pictures / f"{name}.png", full_page=True, animations="disabled")
