"""`training_args.bin`: the Hugging Face Trainer's settings, a pickle inside a torch file, read without transformers."""

from __future__ import annotations

from typing import Any

from catalog.errors import ExtractError
from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats.byte_streams import ReaderStream
from crawler.formats.pickle_nodes import Call
from crawler.formats.pickle_risks import tell_oddities, tell_risks
from crawler.formats.pickle_values import flattened
from crawler.formats.pickles import Pickle, read_pickles
from crawler.formats.torch_files import refuse
from crawler.formats.torch_zip import find_object, scan_all_pickles
from crawler.formats.zips import is_zip, open_zip
from crawler.reader import RangedReader

MAX_LEGACY_PICKLES = 5
_STATE_ONLY = frozenset(
    {"_n_gpu", "__cached__setup_devices", "distributed_state", "deepspeed_plugin", "_frozen", "mp_parameters"}
)
_PROMOTED = {
    "num_train_epochs": "training.epochs",
    "per_device_train_batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "optim": "training.optimizer",
    "seed": "training.seed",
    "lr_scheduler_type": "training.scheduler",
    "weight_decay": "training.weight_decay",
    "warmup_ratio": "training.warmup_ratio",
    "warmup_steps": "training.warmup_steps",
    "max_seq_length": "training.max_seq_length",
}


class TrainingArgsExtractor:
    name = "training-args"
    version = 4
    description = "training_args.bin of the Hugging Face Trainer"
    reads = "every setting: learning rate, batch size, epochs, optimizer, scheduler, seed, precision"
    limits = "64 MB of pickle, 2,000 settings; nothing is unpickled"
    signs = Signs(names=("training_args.bin",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        """The file's exact name."""
        del head
        exact = key.rsplit("/", 1)[-1] == "training_args.bin"
        return Claim(format="training_args", role=Role.RUN, confidence=95) if exact else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="training_args", role=Role.RUN, origin=Origin.RUN)
        pickles = self._pickles(findings, reader)
        for pickle in pickles:
            if type(pickle.value) is Call and pickle.value.attributes is not None:
                self._tell(findings, pickle.value)
                break
        else:
            if pickles:
                refuse(findings, "no settings in it")
        return findings.extraction()

    @staticmethod
    def _pickles(findings: Findings, reader: RangedReader) -> list[Pickle]:
        if not is_zip(reader.head(4)):
            pickles = read_pickles(ReaderStream(reader), limit=MAX_LEGACY_PICKLES)
            tell_risks(findings, pickles)
            return pickles
        try:
            directory = open_zip(reader)
        except ExtractError as error:
            refuse(findings, str(error))
            return []
        try:
            container = find_object(directory)
            pickles = container.read_pickle(container.data)
        except ExtractError as error:
            scan_all_pickles(findings, directory)
            refuse(findings, str(error))
            return []
        tell_risks(findings, pickles, member=container.data.name)
        tell_oddities(findings, directory)
        return pickles

    @staticmethod
    def _tell(findings: Findings, arguments: Call) -> None:
        settings: dict[str, Any] = {
            name: value for name, value in flattened(arguments) if name.split(".", 1)[0] not in _STATE_ONLY
        }
        findings.say("extra.training_arguments_class", arguments.name, "pickle:/")
        precision = next((name for name in ("bf16", "fp16", "tf32") if settings.get(name) is True), None)
        findings.say("training.precision", precision.upper() if precision else None, f"pickle:/{precision}")
        for name, value in settings.items():
            field = _PROMOTED.get(name)
            unset = name in {"warmup_ratio", "warmup_steps"} and not value
            pointer = f"pickle:/{name.replace('.', '/')}"
            if field is not None and not unset:
                findings.say(field, value, pointer)
            findings.say(f"hyperparameters.{name}", value, pointer)
