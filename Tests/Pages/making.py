"""From a photo to a video, as most people do it."""

import re

from playwright.sync_api import expect

from case import PATIENCE, PHONE, Case
from world import PHOTOS, world


class Making(Case):
    def test_the_whole_path(self):
        page = self.open(world.alone)
        expect(page.get_by_role("heading", level=1)).to_have_text("Give a photo a few seconds of life")
        self.examine(page, "1-empty")

        # Three clicks at most: choose, (say,) animate.
        page.locator("#image").set_input_files(PHOTOS / "landscape.jpg")
        expect(page.locator("#drop-view img")).to_be_visible()
        expect(page.locator("#price")).to_have_text("Free")
        page.get_by_role("radio", name="480p").check()
        page.get_by_role("radio", name="Push in").check()
        page.get_by_label("What should happen?").fill("A calm evening by the lake")
        self.examine(page, "2-chosen")
        page.get_by_role("button", name="Animate").click()
        page.wait_for_url(re.compile(r"/animations/"))

        expect(page.locator("#show")).to_have_attribute("data-status", "pending")
        expect(page.locator(".steps [aria-current]")).to_be_visible()
        expect(page.locator("[data-elapsed]").first).to_have_text(re.compile(r"\d:\d\d"))
        # In the middle of it all, somebody reloads.
        page.reload()
        self.wait_until_ready(page)
        self.check_that_it_plays(page)
        self.examine(page, "4-ready")

        # It is where it will be looked for tomorrow.
        page.goto(world.alone.url)
        card = page.locator(".card-ready").first
        expect(card).to_contain_text("A calm evening by the lake")
        expect(card).to_contain_text("30 days left")
        expect(card).to_contain_text("No AI")
        self.examine(page, "5-gallery")

    def check_that_it_plays(self, page):
        video = page.locator("#video")
        expect(video).to_be_visible()
        self.until(page, "document.getElementById('video').currentTime > 0.5")
        facts = video.evaluate("v => ({w: v.videoWidth, h: v.videoHeight, d: v.duration, m: v.muted, l: v.loop, i: v.playsInline})")
        self.assertEqual((facts["m"], facts["l"], facts["i"]), (True, True, True))
        self.assertAlmostEqual(facts["d"], 5, delta=0.1)
        wanted = page.evaluate("[...document.querySelectorAll('.shape')].map(s => s.height.baseVal.value / s.width.baseVal.value)[0]")
        self.assertAlmostEqual(facts["h"] / facts["w"], wanted, delta=0.01)
        self.assertLessEqual(facts["w"] * facts["h"], 848 * 480)
        self.assertGreater(facts["w"], 600)

    def test_on_a_phone(self):
        page = self.open(world.alone, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
        self.check_width(page, "the start at 320 px")
        expect(page.get_by_text("Take a photo")).to_be_visible()
        self.assertEqual(page.locator("#shot").get_attribute("capture"), "environment")
        # What the camera gives goes the same way.
        page.locator("#shot").set_input_files(PHOTOS / "portrait.jpg")
        expect(page.locator("#drop-view img")).to_be_visible()
        page.get_by_role("radio", name="480p").tap()
        page.get_by_role("button", name="Animate").tap()
        page.wait_for_url(re.compile(r"/animations/"))
        self.check_width(page, "the progress at 320 px")
        self.wait_until_ready(page)
        self.check_width(page, "the video at 320 px")
        box = page.locator("#video").bounding_box()
        self.assertGreater(box["height"], box["width"])
        self.assertLessEqual(box["width"], 320)

    def test_what_is_no_photo_is_refused_with_a_way_on(self):
        page = self.open(world.alone)
        page.get_by_role("button", name="Animate").click()
        expect(page.get_by_role("alert")).to_have_text("Choose a photo first.")
        page.locator("#image").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"no"})
        expect(page.get_by_role("alert")).to_contain_text("is no JPEG, PNG or WebP")
        # It says that it is one, and is not: the browser finds out.
        page.locator("#image").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no"})
        expect(page.get_by_role("alert")).to_contain_text("cannot be read as a picture")
        self.examine(page, "6-refused")

    def test_the_counter_counts_as_the_server_does(self):
        page = self.open(world.alone)
        words = page.get_by_label("What should happen?")
        for text, count in [("", 0), ("  a  ", 1), ("👩‍👩‍👧", 5), ("\u0085\u2003é\u00a0", 1), ("\ufeffa", 2), ("a\nb", 3)]:
            words.fill(text)
            expect(page.locator("#count-now")).to_have_text(str(count))
        page.locator("#image").set_input_files(PHOTOS / "landscape.jpg")
        words.fill("🎞" * 501)
        page.get_by_role("button", name="Animate").click()
        expect(page.get_by_role("alert")).to_contain_text("max 500 characters")
        words.fill("🎞" * 500)
        page.get_by_role("radio", name="480p").check()
        page.get_by_role("button", name="Animate").click()
        page.wait_for_url(re.compile(r"/animations/"))
        with self.expecting("net::ERR_ABORTED"):
            page.get_by_role("button", name="Cancel").click()
            expect(page.locator("#show")).to_have_attribute("data-status", "failed")

    def test_dropped_and_pasted(self):
        page = self.open(world.alone)
        for kind in ("drop", "paste"):
            page.evaluate(
                """async ([kind, bytes]) => {
                    const files = new DataTransfer();
                    files.items.add(new File([new Uint8Array(bytes)], `${kind}.jpg`, {type: "image/jpeg"}));
                    const event = kind === "drop"
                        ? new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true})
                        : new ClipboardEvent("paste", {clipboardData: files, bubbles: true, cancelable: true});
                    document.body.dispatchEvent(event);
                }""",
                [kind, list((PHOTOS / "bee.jpg").read_bytes())],
            )
            expect(page.locator("#drop-view img")).to_have_attribute("alt", f"Your photo, {kind}.jpg")

    def test_the_first_paint_is_small(self):
        page = self.open(world.alone)
        sizes = page.evaluate(
            """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
                .filter((each) => !each.name.includes("/media/"))
                .map((each) => [each.name.split("/").pop(), each.encodedBodySize])"""
        )
        print(f"first paint: {sum(size for _, size in sizes)} bytes, {sizes}")
        self.assertLessEqual(sum(size for _, size in sizes), 100_000)
        self.assertTrue(all(request.startswith(world.alone.url) for request in page.evaluate(
            "performance.getEntriesByType('resource').map((each) => each.name)")))
