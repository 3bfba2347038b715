"""The package under test."""

import base64
import hashlib
import importlib.metadata
import unittest


class Package(unittest.TestCase):
    def test_the_client_is_the_published_one_file_by_file(self):
        self.assertEqual(importlib.metadata.version("replicate"), "1.0.7")
        checked = 0
        for file in importlib.metadata.files("replicate"):
            if file.hash is not None:
                found = hashlib.new(file.hash.mode, file.locate().read_bytes()).digest()
                self.assertEqual(base64.urlsafe_b64encode(found).rstrip(b"=").decode(), file.hash.value, str(file))
                checked += 1
        self.assertGreater(checked, 20)
