"""fastText models, of which everything is in a header of fixed size, and word vectors as word2vec wrote them first.

Source: google word2vec.c (`TrainModel`), piskvorky/gensim models/keyedvectors.py; facebookresearch/fastText src/fasttext.cc `saveModel`, src/args.cc `save`, src/dictionary.cc `save`.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from catalog.errors import Malformed, Truncated, Unsupported
from catalog.lazy_dataclasses import dataclass
from catalog.records import Evidence, Origin, Role, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import tensors
from crawler.formats.byte_streams import ReaderStream

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAGIC = struct.pack("<i", 793712314)
HEADER = struct.Struct("<ii12id3i2q")
VERSIONS = (11, 12)
"""The two have one layout. Source: facebookresearch/fastText src/fasttext.cc, `checkModel`."""

ENTRY_BYTES = 9
"""Of an entry of the dictionary behind its name: how often it was seen, and its kind."""
QUANTISED = struct.Struct("<?2qi")
QUANTIZER = struct.Struct("<4i")
CENTROIDS = 256
MAX_WALKED_ENTRIES = 300_000

MAX_ROWS = 2**40
MAX_DIMENSION = 2**20

MAX_VECTOR_HEAD_BYTES = 4096
MAX_WORD_BYTES = 1024
_VECTORS = (".bin", ".vec", ".w2v", ".txt", ".model")
_SIZES = re.compile(rb"(\d{1,12}) (\d{1,5})\r?")
_DECIMAL = re.compile(rb"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")

_MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}
_LOSSES = {1: "hierarchical softmax", 2: "negative sampling", 3: "softmax", 4: "one-vs-all"}


@dataclass(frozen=True, slots=True)
class _Header:
    dimension: int
    window: int
    epochs: int
    min_count: int
    negatives: int
    word_ngrams: int
    loss: int
    model: int
    buckets: int
    min_ngram: int
    max_ngram: int
    update_rate: int
    sampling: float
    entries: int
    words: int
    labels: int
    tokens: int
    pruned: int

    def rows(self) -> tuple[int, int]:
        """Rows of the input and of the output matrix. A pruned dictionary keeps only some of the n-gram buckets."""
        ngrams = self.pruned if self.pruned >= 0 else self.buckets
        return self.words + ngrams, self.labels if self.model == 3 else self.words

    def parameters(self) -> int:
        return sum(self.rows()) * self.dimension


@dataclass(frozen=True, slots=True)
class _Vectors:
    """How many words of which dimension; their numbers are written out or are floats of 32 bits."""

    words: int
    dimension: int
    is_text: bool


class FasttextExtractor:
    name = "fasttext"
    version = 5
    description = "fastText models (.bin, .ftz) and word vectors (.bin, .vec, .w2v, .txt) with a first line of their sizes"
    reads = "dimension, loss, epochs, n-grams, words, labels, number of weights"
    limits = "the first 92 bytes, of word vectors the first two lines; the dictionary, to find where the matrices end, up to 300,000 entries"
    signs = Signs(suffixes=_VECTORS, beginnings=(MAGIC,))

    def claims(self, key: str, head: bytes) -> Claim | None:
        named = key.lower().endswith((".ftz", ".bin", ".fasttext"))
        if head[:4] != MAGIC:
            vectors = _read_vectors(head) if key.lower().endswith(_VECTORS) else None
            if vectors is not None:
                written = "word2vec-text" if vectors.is_text else "word2vec"
                return Claim(format=written, role=Role.WEIGHTS, confidence=85)
            return None
        return Claim(format="fasttext", role=Role.WEIGHTS, confidence=100 if named else 90)

    def extract(self, reader: RangedReader) -> Extraction:
        vectors = _read_vectors(reader.head(MAX_VECTOR_HEAD_BYTES))
        if vectors is not None:
            written = "word2vec-text" if vectors.is_text else "word2vec"
            findings = Findings(reader, self, format=written, role=Role.WEIGHTS, origin=Origin.EMBEDDED)
            _tell_vectors(findings, vectors, reader.size_bytes)
            return findings.extraction()
        findings = Findings(reader, self, format="fasttext", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        header = _read_header(reader)
        _tell(findings, header)
        try:
            matrices = _find_matrices(reader, header)
            _count(findings, header, quantised=_is_quantised(reader, header, matrices))
            _tell_end(findings, reader, header, matrices)
        except Malformed as error:
            _count(findings, header, quantised=False)
            findings.failed(Truncated(f"cut off within its dictionary: {error}"))
        return findings.extraction()


def _read_vectors(head: bytes) -> _Vectors | None:
    """The sizes in the first line of a file of word vectors, where the second line is a word with so many numbers."""
    line, newline, rest = head.partition(b"\n")
    match = _SIZES.fullmatch(line)
    if match is None or not newline or not 0 < (dimension := int(match[2])) <= MAX_DIMENSION:
        return None
    word, space, after = rest.partition(b" ")
    if not word or not space or len(word) > MAX_WORD_BYTES:
        return None
    numbers = after.partition(b"\n")[0].split()
    is_text = all(_DECIMAL.fullmatch(number) for number in numbers[: dimension - 1]) and len(numbers) > 0
    if is_text and len(numbers) != dimension and b"\n" in after:
        return None
    return _Vectors(int(match[1]), dimension, is_text=is_text)


def _tell_vectors(findings: Findings, vectors: _Vectors, size_bytes: int) -> None:
    findings.say("model_type", "word2vec", "line:1", evidence=Evidence.INFERRED)
    findings.say("embedding_dimension", vectors.dimension, "line:1")
    findings.say("extra.words", vectors.words, "line:1")
    width = 2 if vectors.is_text else 4
    if vectors.words * (vectors.dimension * width + 2) > size_bytes:
        findings.failed(
            Truncated(f"{vectors.words:,} vectors of {vectors.dimension} are not in {size_bytes:,} bytes")
        )
        return
    elements = vectors.words * vectors.dimension
    vector = TensorInfo(
        name="vectors", dtype="F32", shape=(vectors.words, vectors.dimension), elements=elements
    )
    findings.tensors = tensors.summarise([vector])


def _read_header(reader: RangedReader) -> _Header:
    magic, version, *values = HEADER.unpack(reader.take(0, HEADER.size))
    if struct.pack("<i", magic) != MAGIC:
        raise Malformed("not a fastText model")
    if version not in VERSIONS:
        raise Unsupported(f"version {version} of the fastText format; 11 and 12 are read")
    header = _Header(*values)
    sizes = (header.words, header.labels, header.buckets, header.entries)
    if not 0 < header.dimension <= MAX_DIMENSION or min(sizes) < 0 or sum(header.rows()) > MAX_ROWS:
        raise Malformed("a fastText header with impossible sizes")
    if header.entries != header.words + header.labels:
        raise Malformed("a fastText dictionary whose words and labels do not add up")
    return header


def _tell(findings: Findings, header: _Header) -> None:
    findings.say("framework", "fasttext", "header:", evidence=Evidence.INFERRED)
    kind = _MODELS.get(header.model)
    findings.say("architecture", kind, "header:/model")
    findings.say("model_type", "fasttext", "header:/model", evidence=Evidence.INFERRED)
    if header.model == 3:
        findings.say("task", "text-classification", "header:/model", evidence=Evidence.INFERRED)
        findings.say("classes", header.labels, "header:/nlabels", evidence=Evidence.COUNTED)
    findings.say("embedding_dimension", header.dimension, "header:/dim")
    findings.say("training.epochs", header.epochs, "header:/epoch")
    findings.say("training.loss", _LOSSES.get(header.loss), "header:/loss")
    settings = {
        "window": header.window,
        "min_count": header.min_count,
        "negatives": header.negatives,
        "word_ngrams": header.word_ngrams,
        "buckets": header.buckets,
        "min_ngram": header.min_ngram,
        "max_ngram": header.max_ngram,
        "lr_update_rate": header.update_rate,
    }
    for name, value in settings.items():
        findings.say(f"hyperparameters.{name}", value, f"header:/{name}")
    findings.say("extra.words", header.words, "header:/nwords", evidence=Evidence.COUNTED)
    findings.say("extra.training_tokens", header.tokens, "header:/ntokens")


def _find_matrices(reader: RangedReader, header: _Header) -> int | None:
    """Where the matrices begin, behind the dictionary; None where it is too long to be walked.

    Raises: Malformed where the file ends before.
    """
    if header.entries > MAX_WALKED_ENTRIES:
        return None
    stream = ReaderStream(reader, HEADER.size)
    for _ in range(header.entries):
        while stream.take(1) != b"\0":
            pass
        stream.skip(ENTRY_BYTES)
    if header.pruned > 0:
        stream.skip(8 * header.pruned)
    return stream.position


def _is_quantised(reader: RangedReader, header: _Header, matrices: int | None) -> bool:
    """Whether the input matrix is; the flag in front of it says so, else the name and the dictionary do."""
    if matrices is not None:
        return reader.take(matrices, matrices + 1) != b"\0"
    return header.pruned >= 0 or reader.name.lower().endswith(".ftz")


def _tell_end(findings: Findings, reader: RangedReader, header: _Header, matrices: int | None) -> None:
    """A problem where the matrices end behind the end of the file."""
    start = matrices
    if start is None:
        if _is_quantised(reader, header, None):
            return
        start = HEADER.size + header.entries * (ENTRY_BYTES + 2)
    end: int = start
    for rows in header.rows():
        quantised = matrices is not None and reader.take(end, end + 1) != b"\0"
        end += 1 + (_quantised_bytes(reader, end + 1) if quantised else 16 + 4 * rows * header.dimension)
        if end > reader.size_bytes:
            message = f"the matrices are cut off: {reader.size_bytes:,} bytes of at least {end:,}"
            findings.failed(Truncated(message))
            return


def _quantised_bytes(reader: RangedReader, start: int) -> int:
    """Bytes of a matrix that is stored as codes. Source: src/quantmatrix.cc `save`, src/productquantizer.cc `save`."""
    norm, rows, _, codes = QUANTISED.unpack(reader.take(start, start + QUANTISED.size))
    end: int = start + QUANTISED.size + max(0, codes)
    end = _behind_quantizer(reader, end)
    return (_behind_quantizer(reader, end + max(0, rows)) if norm else end) - start


def _behind_quantizer(reader: RangedReader, start: int) -> int:
    dimension, *_ = QUANTIZER.unpack(reader.take(start, start + QUANTIZER.size))
    return start + QUANTIZER.size + 4 * CENTROIDS * max(0, int(dimension))


def _count(findings: Findings, header: _Header, *, quantised: bool) -> None:
    """The number of weights: of matrices of floats by their shapes, of codes by what they stand for."""
    if quantised:
        findings.say("quantization.method", "product quantization", "header:", evidence=Evidence.DERIVED)
        findings.say("parameters", header.parameters(), "header:", evidence=Evidence.DERIVED)
        return
    inputs, outputs = header.rows()
    findings.tensors = tensors.summarise(
        TensorInfo(name=name, dtype="F32", shape=(rows, header.dimension), elements=rows * header.dimension)
        for name, rows in (("input", inputs), ("output", outputs))
    )
