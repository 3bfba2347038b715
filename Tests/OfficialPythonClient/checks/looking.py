"""Models and the account."""

import json

from .case import COMMUNITY, COMMUNITY_VERSION, WAN, Case, notebook


class Looking(Case):
    def test_a_model_has_an_input_schema_in_order(self):
        model = self.client.models.get(WAN)
        self.assertEqual((model.owner, model.name, model.visibility), ("wan-video", "wan-2.5-i2v", "public"))
        self.assertIs(json.loads(notebook.last.body)["is_official"], True)
        self.assertRegex(model.latest_version.id, r"^[0-9a-f]{64}$")
        schemas = model.latest_version.openapi_schema["components"]["schemas"]
        properties = schemas["Input"]["properties"]
        order = "image prompt negative_prompt audio resolution duration enable_prompt_expansion seed".split()
        self.assertEqual(sorted(properties, key=lambda name: properties[name]["x-order"]), order)
        self.assertEqual(schemas["Input"]["required"], ["image", "prompt"])
        self.assertEqual((properties["image"]["type"], properties["image"]["format"]), ("string", "uri"))
        self.assertEqual(properties["duration"]["default"], 5)
        self.assertEqual(properties["duration"]["allOf"], [{"$ref": "#/components/schemas/duration"}])
        self.assertEqual(schemas["duration"]["enum"], [5, 10])
        self.assertEqual(schemas["resolution"]["enum"], ["480p", "720p", "1080p"])
        self.assertEqual(schemas["Output"], {"type": "string", "format": "uri", "title": "Output"})

    def test_a_models_versions_can_be_read(self):
        model = self.client.models.get(*COMMUNITY.split("/"))
        [version] = model.versions.list()
        self.assertEqual(version, model.latest_version)
        self.assertEqual(version.id, COMMUNITY_VERSION)
        self.assertEqual(model.versions.get(version.id), version)

    def test_the_account_has_a_name(self):
        account = self.client.accounts.current()
        self.assertIn(account.type, ("user", "organization"))
        self.assertNotEqual(account.username, "")
