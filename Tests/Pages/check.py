#!/usr/bin/env python3
"""Drives a browser over the pages of a server of its own. Arguments are those of unittest."""

import sys
import unittest

from entering import Entering
from making import Making
from reaching import Keyboard, WithoutJavaScript
from showing import Showing, Waiting
from world import world

__all__ = ["Entering", "Keyboard", "Making", "Showing", "Waiting", "WithoutJavaScript"]


if __name__ == "__main__":
    try:
        world.start()
        result = unittest.main(exit=False).result
        if not result.wasSuccessful():
            print("The end of the servers' logs:", world.logs, sep="\n", file=sys.stderr)
    finally:
        world.stop()
    sys.exit(0 if result.wasSuccessful() else 1)
