"""For everybody: with the keyboard alone, and without JavaScript."""

import re

from playwright.sync_api import expect

from case import PATIENCE, Case
from world import PHOTOS, world


class Keyboard(Case):
    def tab_to(self, page, script: str) -> None:
        """Presses Tab until an element has the focus."""
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"(() => {{ const e = document.activeElement; return {script}; }})()"):
                seen = page.evaluate("""(() => {
                    const e = document.activeElement, shown = [e, e.previousElementSibling, e.parentElement, e.nextElementSibling];
                    return shown.some((each) => each && getComputedStyle(each).outlineStyle !== "none")
                        || (e.parentElement && [...e.parentElement.children].some((c) => getComputedStyle(c).outlineStyle !== "none"));
                })()""")
                self.assertTrue(seen, f"the focus cannot be seen at {script}")
                return
        self.fail(f"Tab never reaches {script}")

    def test_from_a_photo_to_a_deleted_video(self):
        page = self.open(world.alone)
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.className"), "skip")
        page.keyboard.press("Enter")
        self.assertEqual(page.evaluate("document.activeElement.id"), "main")
        self.tab_to(page, "e.id === 'image'")
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Space")
        chooser.value.set_files(PHOTOS / "landscape.jpg")
        expect(page.locator("#drop-view img")).to_be_visible()
        self.tab_to(page, "e.id === 'prompt'")
        page.keyboard.type("By keyboard")
        self.tab_to(page, "e.name === 'motion'")
        page.keyboard.press("ArrowRight")
        expect(page.locator("[name=motion]:checked")).to_have_value("push-in")
        self.tab_to(page, "e.name === 'resolution'")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("[name=resolution]:checked")).to_have_value("480p")
        self.tab_to(page, "e.id === 'animate'")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/animations/"))
        self.wait_until_ready(page)
        self.tab_to(page, "e.id === 'compare-switch'")
        page.keyboard.press("Space")
        page.keyboard.press("End")
        expect(page.locator("#split")).to_have_value("100")
        self.tab_to(page, "e.id === 'delete'")
        page.keyboard.press("Space")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_text("It was deleted.")).to_be_visible()


class WithoutJavaScript(Case):
    def test_upload_status_playback_and_deleting(self):
        page = self.open(world.alone, java_script_enabled=False)
        expect(page.get_by_text("Or drop it here")).to_be_hidden()
        expect(page.get_by_role("button", name="Take a photo")).to_be_hidden()
        page.get_by_role("button", name="Animate").click()
        with self.expecting("422"):
            expect(page.get_by_role("alert")).to_have_text("Choose a photo first.")
        page.locator("#image").set_input_files(PHOTOS / "portrait.jpg")
        page.get_by_label("What should happen?").fill("Without a script")
        page.get_by_role("radio", name="480p").check()
        page.get_by_role("button", name="Animate").click()
        page.wait_for_url(re.compile(r"/animations/"))
        self.assertEqual(page.locator("#show").get_attribute("data-status"), "pending")
        self.take_picture(page, "20-no-script-working")
        # The page reads itself again.
        page.wait_for_selector("#show[data-status=ready]", timeout=PATIENCE)
        video = page.locator("video")
        expect(video).to_have_attribute("controls", "")
        self.take_picture(page, "21-no-script-ready")
        self.assertEqual(page.request.get(world.alone.url + video.get_attribute("src")).headers["content-type"], "video/mp4")
        page.get_by_text("Share a link").click()
        self.assertTrue(page.locator("#share-link").input_value().startswith(world.alone.url))
        page.get_by_role("link", name="Delete").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Delete this animation?")
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("It was deleted.")).to_be_visible()

    def test_signing_in(self):
        page = self.open(world.team, java_script_enabled=False)
        page.get_by_label("Access token").fill(world.team.token("nils"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".who")).to_have_text("nils")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
