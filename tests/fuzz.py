"""Runs property tests with new examples, round after round, until the time is up or one of them fails.

A round is a run of pytest with a seed of its own. The seed of the round that failed is printed with the command that
repeats it; hypothesis prints the smallest example, which belongs into the test as an @example or a row of a table.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=300, help="how long to look (300)")
    parser.add_argument("--seed", type=int, help="repeat the one round that had this seed")
    options, arguments = parser.parse_known_args()
    if options.seed is not None:
        return examples(options.seed, arguments, None)
    end, rounds = time.monotonic() + options.seconds, 0
    while (left := end - time.monotonic()) > 0:
        seed = random.SystemRandom().randrange(2**32)
        try:
            code = examples(seed, arguments, left)
        except subprocess.TimeoutExpired:
            break
        if code:
            print(
                f"\nSeed {seed} failed. Again: make fuzz-properties FUZZ_SEED={seed} FUZZ='{' '.join(arguments)}'"
            )
            return code
        rounds += 1
    print(f"\nNothing found in {options.seconds:.0f} s: {rounds} whole rounds and the beginning of another.")
    return 0


def examples(seed: int, arguments: list[str], seconds: float | None) -> int:
    """The exit code of one round. Raises TimeoutExpired where it takes longer than `seconds`."""
    print(f"seed {seed}", flush=True)
    options = ["-x", "-q", "-m", "hypothesis", "--hypothesis-profile=explore", f"--hypothesis-seed={seed}"]
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    process = subprocess.Popen(command)
    try:
        return process.wait(seconds)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
