"""Who may see what: access tokens, two users, and models that cost something."""

import re

from playwright.sync_api import Page, expect

from case import Case
from world import PHOTOS, world


class Entering(Case):
    def sign_in(self, user: str, tier: str = "paid") -> Page:
        page = self.open(world.team)
        page.get_by_label("Access token").fill(world.team.token(user, tier))
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".who")).to_have_text(user)
        return page

    def test_a_session_begins_and_ends(self):
        page = self.open(world.team, "/?q=x")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        self.examine(page, "14-sign-in")
        with self.expecting("422"):
            page.get_by_label("Access token").fill("no.such.token")
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("alert")).to_contain_text("not valid here")
            self.examine(page, "15-not-signed-in")
        page.get_by_label("Access token").fill("  " + world.team.token("ada") + "\n")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".who")).to_have_text("ada")
        # Back where one wanted to go.
        self.assertTrue(page.url.endswith("/?q=x"), page.url)
        cookie = page.context.cookies()[0]
        self.assertEqual((cookie["httpOnly"], cookie["sameSite"], cookie["path"]), (True, "Lax", "/"))
        self.assertEqual(page.evaluate("document.cookie"), "")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        self.assertEqual(page.context.cookies(), [])

    def test_another_site_brings_a_token(self):
        page = self.open(world.alone)
        token = world.team.token("carol")
        page.context.route("http://shop.example/", lambda route: route.fulfill(content_type="text/html", body=f"""
            <form method="post" action="{world.team.url}/sign-in"><input type="hidden" name="access_token" value="{token}">
            <button>Make a video</button></form>"""))
        page.goto("http://shop.example/")
        page.get_by_role("button", name="Make a video").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in as carol?")
        self.assertEqual(page.context.cookies(), [])
        self.examine(page, "16-asked")
        page.get_by_role("button", name="Sign in as carol").click()
        expect(page.locator(".who")).to_have_text("carol")

    def test_two_users_see_nothing_of_each_other(self):
        world.simulator.script()
        ann, bob = self.sign_in("ann"), self.sign_in("bob")
        self.order(ann, words="Ann's own", model="local")
        path = ann.url
        with self.expecting("404"):
            bob.goto(path)
            expect(bob.get_by_role("heading", level=1)).to_have_text("Nothing here")
            foreign = bob.locator("main").inner_text()
            bob.goto(re.sub(r"[0-9a-f-]{36}$", "00000000-0000-4000-8000-000000000000", path))
            self.assertEqual(bob.locator("main").inner_text(), foreign)
        bob.goto(world.team.url)
        expect(bob.locator(".card")).to_have_count(0)
        # What Bob's page may ask of the API is Bob's.
        status = bob.evaluate(
            "path => fetch(path, {headers: {'X-Zoetrope-Page': '1'}}).then((answer) => answer.status)",
            ann.locator("#show").get_attribute("data-follow"),
        )
        self.assertEqual(status, 404)
        self.complaints = [each for each in self.complaints if "404" not in each]
        self.wait_until_ready(ann)
        ann.goto(world.team.url)
        expect(ann.locator(".card")).to_have_count(1)

    def test_what_it_costs_and_what_a_plan_offers(self):
        page = self.sign_in("free-fay", "free")
        expect(page.locator("#price")).to_have_text("$0.50")
        page.get_by_role("radio", name="1080p").check()
        expect(page.locator("#price")).to_have_text("$0.75")
        page.get_by_role("radio", name="Video-01 Live").check()
        expect(page.locator("#price")).to_have_text("$0.50")
        expect(page.locator("[name=duration][value='10']")).to_be_disabled()
        expect(page.get_by_text("10-second animations are available on the paid plan.")).to_be_visible()
        self.examine(page, "17-models")
        paid = self.sign_in("paula")
        paid.get_by_role("radio", name="Video-01 Live").check()
        paid.get_by_role("radio", name="10 s").check()
        expect(paid.locator("#price")).to_have_text("$1.00")

    def test_words_that_a_model_needs(self):
        page = self.sign_in("wanda")
        page.locator("#image").set_input_files(PHOTOS / "landscape.jpg")
        page.get_by_role("button", name="Animate").click()
        expect(page.get_by_role("alert")).to_contain_text("Say in a few words")
        expect(page.get_by_label("What should happen?")).to_be_focused()
        page.get_by_role("button", name="Gentle wind, living light").click()
        page.get_by_role("button", name="Animate").click()
        page.wait_for_url(re.compile(r"/animations/"))
        self.wait_until_ready(page)
        expect(page.locator("#stage .badge")).to_have_text("AI-generated")
        expect(page.locator(".facts")).to_contain_text("$0.50")
        self.examine(page, "18-drawn")

    def test_a_failure_and_trying_again(self):
        world.simulator.script({"on": "create", "plan": {"result": "failed", "error_code": "E005"}})
        page = self.sign_in("frank")
        self.order(page, words="Something that is refused")
        page.wait_for_selector("#show[data-status=failed]", timeout=90_000)
        expect(page.locator(".notice.bad")).to_contain_text("safety check refused this image or prompt")
        self.examine(page, "19-failed")
        page.get_by_role("link", name="Change something").click()
        expect(page.get_by_label("What should happen?")).to_have_value("Something that is refused")
        page.go_back()
        page.get_by_role("button", name="Try again for $0.25").click()
        page.wait_for_url(re.compile(r"/animations/"))
        self.wait_until_ready(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Something that is refused")
