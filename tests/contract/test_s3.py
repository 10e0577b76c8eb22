"""A bucket holds what every source has to hold."""

import pytest

from catalog.testing.sources import ODD_KEYS, SourceSuite


class TestS3(SourceSuite):
    # A bucket has no names that are not UTF-8, and moto's server none with a line feed.
    odd_keys = tuple(key for key in ODD_KEYS if key not in {"not-utf8-\udcff.bin", "new\nline.bin"})

    @pytest.fixture(autouse=True)
    def _bucket(self, bucket):
        self.bucket = bucket

    def fill(self, files):
        for key, data in files.items():
            self.bucket.put(key, data)

    def remove(self, key):
        self.bucket.remove(key)

    def open(self):
        return self.bucket.source()


class TestWholeBucket(TestS3):
    """Without a prefix."""

    @pytest.fixture(autouse=True)
    def _bucket(self, bucket):
        bucket.prefix = ""
        self.bucket = bucket
