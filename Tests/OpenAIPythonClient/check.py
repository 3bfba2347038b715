#!/usr/bin/env python3
"""Runs the official OpenAI client, unmodified, against a server of its own.

scripts/check-openai-client.sh runs this once for each version of the client. Arguments are those of unittest:
`check.py Listing` runs one class, `check.py -k quota` the tests with that in the name.
"""

import sys
import unittest

import openai

from case import world
from creating import Creating
from finishing import Finishing
from listing import Deleting, Listing
from refusing import Refusing
from repeating import Crashing, Repeating, Webhooks

__all__ = ["Crashing", "Creating", "Deleting", "Finishing", "Listing", "Refusing", "Repeating", "Webhooks"]


if __name__ == "__main__":
    print(f"openai {openai.__version__}", file=sys.stderr)
    try:
        world.start()
        # 3.x says of every call that OpenAI has switched its own service off.
        result = unittest.main(exit=False, warnings="ignore").result
        if not result.wasSuccessful():
            print("The end of the server's log:", world.service.log[-5_000:], sep="\n", file=sys.stderr)
    finally:
        world.stop()
    sys.exit(0 if result.wasSuccessful() else 1)
