"""What can be done with a video once it is there, and where it is found again."""

import re
import urllib.request

from playwright.sync_api import expect

from case import Case
from world import PHOTOS, world


class Showing(Case):
    """All of it with one video."""

    @classmethod
    def setUpClass(cls):
        case = cls()
        case.setUp()
        page = case.open(world.alone)
        case.order(page, words="Showing: a bee on a flower", photo="bee.jpg")
        case.wait_until_ready(page)
        cls.path = page.url.removeprefix(world.alone.url)
        case.tearDown()

    def test_comparing_by_keyboard(self):
        page = self.open(world.alone, self.path)
        page.get_by_role("button", name="Compare with the photo").click()
        split = page.get_by_role("slider", name="How much of the photo covers the video")
        expect(split).to_be_focused()
        for _ in range(20):
            page.keyboard.press("ArrowLeft")
        expect(split).to_have_attribute("aria-valuetext", "30 percent photo")
        self.assertEqual(page.locator("#compare").evaluate("e => e.style.getPropertyValue('--at')"), "30%")
        self.assertTrue(page.locator(".compare img").evaluate("e => e.complete && e.naturalWidth > 0"))
        page.wait_for_timeout(300)
        self.examine(page, "7-compare")

    def test_a_link_for_others(self):
        page = self.open(world.alone, self.path)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_text("Share a link").click()
        link = page.get_by_label("Anybody with this link can watch it until")
        expect(link).to_be_visible()
        expect(page.locator(".share time")).to_have_text(re.compile(r"\d\d:\d\d"))
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        url = page.evaluate("navigator.clipboard.readText()")
        self.assertEqual(url, link.input_value())
        with urllib.request.urlopen(url, timeout=20) as answer:
            self.assertEqual(answer.headers["Content-Type"], "video/mp4")
        self.examine(page, "8-share")

    def test_keeping_the_file(self):
        page = self.open(world.alone, self.path)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        self.assertRegex(download.value.suggested_filename, r"^zoetrope-\d{4}-\d\d-\d\d-[0-9a-f]{8}\.mp4$")
        with open(download.value.path(), "rb") as file:
            self.assertEqual(file.read(12)[4:8], b"ftyp")

    def test_making_another_keeps_photo_words_and_settings(self):
        page = self.open(world.alone, self.path)
        page.get_by_role("link", name="Make another").click()
        expect(page.get_by_label("What should happen?")).to_have_value("Showing: a bee on a flower")
        expect(page.locator(".drop img")).to_be_visible()
        expect(page.locator("[name=resolution]:checked")).to_have_value("480p")
        self.examine(page, "9-again")
        page.get_by_role("radio", name="Pan left").check()
        page.get_by_role("button", name="Animate").click()
        page.wait_for_url(re.compile(r"/animations/"))
        expect(page.locator(".facts")).to_contain_text("Pan left")
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#show")).to_have_attribute("data-status", "failed")

    def test_finding_it_again(self):
        page = self.open(world.alone)
        page.get_by_role("searchbox", name="Words").fill("BEE on")
        page.get_by_role("button", name="Find").click()
        expect(page.locator(".card").first).to_contain_text("a bee on a flower")
        with page.expect_navigation():
            page.get_by_label("State").select_option("ready")
        expect(page.locator(".card")).to_have_count(1)
        with page.expect_navigation():
            page.get_by_label("Made by", exact=True).select_option("local")
        expect(page.locator(".card")).to_have_count(1)
        self.examine(page, "10-found")
        page.goto(world.alone.url + "/?q=nothing+like+it")
        expect(page.locator(".empty")).to_contain_text("Nothing fits")
        page.get_by_role("link", name="Show all").click()
        self.assertGreater(page.locator(".card").count(), 0)

    def test_deleting_asks_once(self):
        page = self.open(world.alone)
        self.order(page, words="Soon gone")
        path = page.url
        self.wait_until_ready(page)
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("dialog", name="Delete this animation?")).to_be_visible()
        expect(page.get_by_role("button", name="Keep it")).to_be_focused()
        self.examine(page, "11-delete")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_text("It was deleted.")).to_be_visible()
        expect(page.get_by_text("Soon gone")).to_have_count(0)
        with self.expecting("404"):
            page.goto(path)
            expect(page.get_by_role("heading", level=1)).to_have_text("Nothing here")
            self.examine(page, "12-nothing")

    def test_what_a_card_shows_when_it_is_pointed_at(self):
        page = self.open(world.alone)
        page.locator(".card-ready .card-link").first.hover()
        self.until(page, "document.querySelector('.glimpse video')?.currentTime > 0.1")
        calm = self.open(world.alone, self.path, reduced_motion="reduce")
        calm.wait_for_timeout(500)
        self.assertTrue(calm.locator("#video").evaluate("v => v.paused"))


class Waiting(Case):
    """Nothing is made before a worker is there."""

    def test_several_at_once_and_a_gallery_that_follows(self):
        page = self.open(world.idle)
        for photo in ["people.jpg", "moon.jpg", "grey.jpg"]:
            self.order(page, photo=photo, words=photo.removesuffix(".jpg").title())
            expect(page.locator("#show")).to_have_attribute("data-status", "pending")
            page.wait_for_timeout(300)
            if photo == "people.jpg":
                self.examine(page, "3-working")
            page.get_by_role("link", name="Animate another").click()
        expect(page.locator(".card-pending")).to_have_count(3)
        expect(page.locator(".card-pending .steps").first).to_contain_text("Waiting for its turn")
        self.examine(page, "13-several")
        page.locator(".card-link").first.focus()
        world.idle.run("worker")
        self.until(page, "document.querySelectorAll('.card-ready').length === 3", timeout=180)
        expect(page.locator(".card-pending")).to_have_count(0)
        self.assertIn("Ready", page.locator("#news").text_content())
