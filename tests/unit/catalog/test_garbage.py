"""When cycles of objects are looked for."""

import gc
import subprocess
import sys

from catalog.garbage import COLLECT_AFTER_OBJECTS, COLLECTION


def test_cycles_are_looked_for_as_before_when_the_last_of_two_crawls_ends():
    usual = gc.get_threshold()
    first, second = COLLECTION.seldom(), COLLECTION.seldom()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == COLLECT_AFTER_OBJECTS
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual


def test_a_command_that_ends_looks_for_nothing_in_what_goes_with_it(tmp_path):
    """0.14 s of the crawl of one model went by after its last word."""
    command = """
import sys
from catalog.cli import main

try:
    main(["--home", sys.argv[1], "settings"])
finally:
    class Cycle:
        def __del__(self):
            sys.stderr.write("looked for\\n")
    Cycle.itself = Cycle()
"""
    ended = subprocess.run(
        [sys.executable, "-c", command, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ended.stdout
    assert ended.stderr == ""
