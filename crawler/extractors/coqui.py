"""Configurations of Coqui TTS: which network speaks, in which languages, and how it was trained.

Source: coqui-ai/TTS TTS/config/shared_configs.py, TTS/tts/configs/shared_configs.py (`BaseTTSConfig`); coqui-ai/Trainer
trainer/trainer.py (`TrainerConfig`).
"""

from __future__ import annotations

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, listed, mapping, pointer, positive, text, texts
from crawler.reader import RangedReader

FILE = "config.json"
MAX_DATASETS = 100
_TRAINER = (b'"run_name"', b'"output_path"', b'"dashboard_logger"')
_OF_SPEECH = "use_phonemes"
"""What all networks that speak have, and vocoders and encoders of voices have not."""
_SETTINGS = (
    *("epochs", "batch_size", "eval_batch_size", "lr", "optimizer", "lr_scheduler", "grad_clip"),
    *("mixed_precision", "precision", "training_seed"),
)
_GIVEN_BY_TRAINER = frozenset({"run", "coqui_tts", "\N{FROG FACE}Coqui trainer run.", ""})
"""Names and descriptions of runs to which nobody gave any."""


class CoquiExtractor:
    """Reads the whole file."""

    name = "coqui"
    version = 1
    description = "config.json of Coqui TTS"
    reads = "kind of the network, task, languages, sample rate, data sets, settings of the training, title and description of the run"
    limits = "JSON 16 MB, 200,000 values, 100 data sets"
    signs = Signs(names=(FILE,))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rpartition("/")[2].lower()
        is_coqui = name == FILE and head.lstrip()[:1] == b"{" and all(mark in head for mark in _TRAINER)
        return Claim(format="coqui-config", role=Role.CONFIG, confidence=85) if is_coqui else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        config = jsons.read_object(reader)
        findings.look_for_templates(config, "json:")
        findings.say("library", "coqui-tts", "json:", evidence=Evidence.INFERRED)
        findings.say("model_type", text(config.get("model")), pointer("model"))
        if _OF_SPEECH in config:
            findings.say("task", "text-to-speech", pointer(_OF_SPEECH), evidence=Evidence.INFERRED)
        for key, field in (("run_name", "title"), ("run_description", "description")):
            words = text(config.get(key))
            if words is not None and words.strip() not in _GIVEN_BY_TRAINER:
                findings.say(field, words, pointer(key))
        for number, language in enumerate(texts(config.get("languages"))):
            findings.say("language", language, pointer("languages", number))
        for key in _SETTINGS:
            findings.say(f"hyperparameters.{key}", config.get(key), pointer(key))
        rate = positive(mapping(config.get("audio")).get("sample_rate"))
        findings.say("extra.coqui.sample_rate", rate, pointer("audio", "sample_rate"))
        for number, dataset in enumerate(listed(config.get("datasets"))[:MAX_DATASETS]):
            _tell_dataset(findings, dataset, number)
        for name, value, place in leftovers(config, _KNOWN):
            findings.say(f"extra.{name}", value, place)
        return findings.extraction()


_KNOWN = frozenset({"model", "run_name", "run_description", "languages", "datasets", *_SETTINGS})


def _tell_dataset(findings: Findings, dataset: object, number: int) -> None:
    about = mapping(dataset)
    key = next((key for key in ("dataset_name", "name") if text(about.get(key))), None)
    if key is not None:
        findings.say("datasets", text(about[key]), pointer("datasets", number, key))
    language = text(about.get("language"))
    findings.say("language", language or None, pointer("datasets", number, "language"))
