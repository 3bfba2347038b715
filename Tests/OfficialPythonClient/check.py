#!/usr/bin/env python3
"""Runs the official Python client, unmodified, against a replicate-simulator that nobody else uses meanwhile.

The client takes the simulator's address and token from REPLICATE_BASE_URL and REPLICATE_API_TOKEN, as it would take the
service's. scripts/check-python-client.sh starts a simulator and runs this; a simulator of your own needs `--speed 100x`.
Arguments are those of unittest: `check.py Webhook` runs one class, `check.py -k paging` the tests with that in the name.
"""

import unittest

from checks.asynchronous import Async
from checks.blocking import Blocking
from checks.case import simulator
from checks.creating import Creating
from checks.deadlines import Deadlines
from checks.files import Files
from checks.ledger import Ledger
from checks.listing import Listing
from checks.looking import Looking
from checks.outputs import Outputs
from checks.package import Package
from checks.refusing import Refusing
from checks.throttling import Throttling
from checks.waiting import Waiting
from checks.webhooks import Webhook

# The client cannot read a list with an aborted prediction in it, so deadlines come late; the ledger is about all others.
ORDER = [
    Package,
    Creating,
    Waiting,
    Listing,
    Files,
    Outputs,
    Blocking,
    Webhook,
    Refusing,
    Throttling,
    Looking,
    Async,
    Deadlines,
    Ledger,
]


def load_tests(loader, tests, pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(one) for one in ORDER)


if __name__ == "__main__":
    simulator.reset()
    unittest.main()
