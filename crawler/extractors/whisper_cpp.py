"""ggml-*.bin of whisper.cpp: sizes, file type and every tensor of a model of Whisper."""

from __future__ import annotations

from catalog.errors import ExtractError, Malformed
from catalog.records import Evidence, Extraction, FileStatus, Origin, Role, TensorInfo
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import ggml_types, tensors, whisper_ggml
from crawler.reader import RangedReader


class WhisperCppExtractor:
    """Walks from tensor to tensor behind the words; their values are stepped over."""

    name = "whisper-cpp"
    version = 2
    description = "Models of whisper.cpp (ggml-*.bin)"
    reads = "sizes of encoder and decoder, file type, names, shapes, types and counts of all tensors"
    limits = "1,000,000 words, 100,000 tensors, 512 requests; other GGML files from before GGUF are recognised, not read"
    signs = Signs(beginnings=(whisper_ggml.MAGIC,))

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the first bytes decide
        if whisper_ggml.read_sizes(head) is None:
            return None
        return Claim(format="ggml", role=Role.WEIGHTS, confidence=95)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="ggml", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        sizes = whisper_ggml.read_sizes(reader.head())
        if sizes is None:
            raise Malformed("no sizes of a model of Whisper behind the magic")
        findings.say("framework", "llama.cpp", "header:", evidence=Evidence.INFERRED)
        findings.say("library", "whisper.cpp", "header:", evidence=Evidence.INFERRED)
        findings.say("architecture", "whisper", "header:", evidence=Evidence.INFERRED)
        findings.say("task", "automatic-speech-recognition", "header:", evidence=Evidence.INFERRED)
        findings.say("embedding_dimension", sizes.audio_width, "header:n_audio_state")
        findings.say("context_length", sizes.text_context, "header:n_text_ctx")
        findings.say(
            "layers",
            sizes.audio_layers + sizes.text_layers,
            "header:n_audio_layer",
            evidence=Evidence.DECLARED,
        )
        findings.say("extra.whisper.vocab_size", sizes.words, "header:n_vocab")
        findings.say("extra.whisper.mels", sizes.mels, "header:n_mels")
        infos: list[TensorInfo] = []
        complete = True
        try:
            for info in whisper_ggml.tensors_of(reader):
                infos.append(info)  # noqa: PERF402 - what was read before a limit stays
        except ExtractError as error:
            findings.failed(error, status=FileStatus.PARTIAL)
            complete = False
        findings.tensors = tensors.summarise(infos, complete=complete) if infos else None
        _tell_file_type(findings, sizes.file_type, infos)
        return findings.extraction()


def _tell_file_type(findings: Findings, number: int, infos: list[TensorInfo]) -> None:
    number %= whisper_ggml.FILE_TYPES_OF_ONE_VERSION
    label = ggml_types.file_type_label(number, infos)
    if label is None:
        return
    findings.say("precision", label, "header:ftype")
    if label not in ggml_types.PLAIN:
        findings.say("quantization.method", "ggml", "header:ftype")
        findings.say("quantization.scheme", label, "header:ftype")
        findings.say("quantization.bits", ggml_types.bits(label), "header:ftype")
