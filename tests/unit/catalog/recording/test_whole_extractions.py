"""Extractions that tell of many models, filled in page by page."""

from catalog.recording.whole_extractions import WholeExtractions
from catalog.records import Group, Member, ObjectKey, ObjectMeta, Origin, Role, SourceId, Subject
from catalog.store.entries import Entry, Reading, outlined
from crawler.extractor import Findings
from crawler.reader import bytes_reader

SOURCE = SourceId("file:///srv")


class Tracker:
    name, version = "tracker", 1


def database(subjects, *, most=20_000):
    findings = Findings(
        bytes_reader("runs.db", b""),
        Tracker(),
        format=None,
        role=Role.RUN,
        origin=Origin.RUN,
        max_observations=most,
    )
    findings.say("tags", "file", "sql:/")
    for subject in subjects:
        findings.tells_of(Subject(id=subject, join_keys=(subject,), standalone=True))
        findings.say("name", subject, "sql:/", subject=subject)
    return findings.extraction()


class CountingManifest:
    """A real manifest that counts what is read from it."""

    def __init__(self, manifest):
        self._manifest = manifest
        self.read = []

    def extractions(self, keys):
        self.read += keys
        return self._manifest.extractions(keys)

    def shares(self, wanted):
        self.read += wanted
        return self._manifest.shares(wanted)


def stored(shop, extraction):
    meta = ObjectMeta(source=SOURCE, key=ObjectKey("runs.db"), size_bytes=1, change_token="1")
    entry = Entry(object=meta, reading=Reading.READ, signature="tracker:1", outline=outlined(extraction))
    manifest = shop.store.manifest(SOURCE)
    with shop.store.lease("writer") as lease:
        manifest.put([(entry, extraction)], lease=lease)
    return CountingManifest(manifest), entry


def test_a_group_gets_what_the_file_says_of_its_own_subject_and_reads_it_once(shop):
    manifest, entry = stored(shop, database(["a", "b"]))
    readings = WholeExtractions(manifest)

    def page(subject):
        member = Member(object=entry.object, extraction=entry.outline, subject=subject)
        (made,) = readings.filled([Group(source=SOURCE, key=subject, kind="run", members=(member,))])
        return [seen.raw for seen in made.members[0].extraction.observations]

    assert (page("a"), page("b")) == (["file", "a"], ["file", "b"])
    assert manifest.read == ["runs.db"]


def test_values_beyond_the_limit_are_one_problem():
    extraction = database([f"run-{number}" for number in range(50)], most=10)
    assert len(extraction.observations) == 10
    assert [problem.code for problem in extraction.problems] == ["limit-exceeded"]
