"""The search for mutants that a reader does not bear: it makes the same ones again, and finds what it is to find."""

import random

import fuzz_readers
import pytest
from fixtures.mutations import mutant
from fuzz_readers import Faults, Seed, made, seeds_by_reader

from catalog.records import Role
from crawler.extractor import Claim
from crawler.reading import Registry

SEEDS = [Seed("m.json", b'{"a": [1, {"b": "text"}]}'), Seed("m.bin", bytes(range(256)))]


class Breaking:
    """A reader with a bug of its own for files that begin with a bracket."""

    name, version, description, reads, limits = "breaking", 1, "x", "x", "x"

    def claims(self, key, head):
        return Claim(format="x", role=Role.WEIGHTS, confidence=100)

    def extract(self, reader):
        raise KeyError(reader.name)


def test_every_reader_of_files_has_a_file_to_begin_with():
    registry = Registry.installed()
    assert registry.names - fuzz_readers.WITHOUT_FILES == set(seeds_by_reader(registry))


def test_a_mutant_of_a_number_is_always_the_same_and_mostly_another_than_its_neighbour():
    twice = [[made("reader", SEEDS, 7, number) for number in range(200)] for _ in range(2)]
    assert twice[0] == twice[1]
    assert len({data for _, data in twice[0]}) > 150


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.key)
def test_mutants_stay_small_whatever_is_done_to_them(seed):
    draw = random.Random(5)
    assert max(len(mutant(seed.data, [seed.data], draw)) for _ in range(500)) <= 4 * 1024 * 1024


def test_a_bug_of_a_reader_is_found_and_bytes_that_are_no_model_are_none():
    logger, faults = fuzz_readers.listening()
    try:
        fuzz_readers.read(Registry([Breaking()]), "m.pt", b"x", faults)
        assert faults.messages
    finally:
        logger.removeHandler(faults)
    quiet = Faults()
    fuzz_readers.read(Registry.installed(), "m.safetensors", b"\xff" * 64, quiet)
    assert quiet.messages == []
