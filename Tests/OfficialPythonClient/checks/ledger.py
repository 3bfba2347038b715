"""What the simulator has booked is what the checks have done."""

import collections
import unittest

from .case import notebook, simulator


class Ledger(unittest.TestCase):
    """Runs last: what the simulator has booked is what the tests before have done."""

    maxDiff = None

    def test_every_create_was_booked_once_with_its_tag_and_its_charge(self):
        ledger = simulator.ledger()
        creates, owed = ledger["creates"], notebook.owed
        booked = {one["id"]: (one["status"], one["charge"], one.get("tag")) for one in creates}
        self.assertEqual(len(booked), len(creates))
        self.assertEqual(dict(booked.items() - owed.items()), dict(owed.items() - booked.items()))
        self.assertEqual([create["number"] for create in creates], list(range(1, len(booked) + 1)))
        self.assertEqual(ledger["accepted"], len(owed))
        charges = [dollars for _, dollars, _ in owed.values()]
        self.assertEqual(ledger["charged"], sum(dollars > 0 for dollars in charges))
        self.assertAlmostEqual(ledger["charge_total"], sum(charges), places=6)

    def test_every_create_request_was_counted_under_its_tag(self):
        self.assertEqual(simulator.ledger()["creates_received_by_tag"], dict(notebook.creates_by_tag))

    def test_every_refusal_was_counted(self):
        answered = [
            request["status"]
            for request in simulator.requests(origin="api")
            if "status" in request and request["target"].startswith("/v1/")
        ]
        refused = collections.Counter(str(status) for status in answered if status >= 400)
        self.assertEqual(set(refused), {"401", "402", "404", "413", "422", "429", "502", "503"})
        self.assertEqual(simulator.ledger()["refused"], dict(refused))
