"""Plug-ins by kind and name: our own tables and, through the same door, a stranger's entry points.

A new extractor, source, engine or command is one new file and one line here (or an entry point `modeldex.<kind>`).
Nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from catalog.errors import PluginUnavailable, described

SOURCES: Mapping[str, str] = {
    # By the scheme of their addresses: `file` answers for `file:///models` and for paths.
    "file": "crawler.sources.local:open_local",
    "git+file": "crawler.sources.git:GitSource",
    "mlflow+http": "crawler.sources.mlflow:MlflowSource",
    "mlflow+https": "crawler.sources.mlflow:MlflowSource",
    "s3": "crawler.sources.s3:S3Source",
    "tione": "crawler.sources.tione:TioneSource",
}

EXTRACTORS: Mapping[str, str] = {
    # One line per extractor, by format family; order does not matter, claims decide.
    "archives": "crawler.extractors.archives:ArchivesExtractor",
    "metrics-table": "crawler.extractors.metrics_table:MetricsTableExtractor",
    "coqui": "crawler.extractors.coqui:CoquiExtractor",
    "tensorboard": "crawler.extractors.tensorboard:TensorboardExtractor",
    "model-configs": "crawler.extractors.model_configs:ModelConfigsExtractor",
    "dduf": "crawler.extractors.dduf:DdufExtractor",
    "lm-eval": "crawler.extractors.lm_eval:LmEvalExtractor",
    "wandb-files": "crawler.extractors.wandb_files:WandbFilesExtractor",
    "hydra-config": "crawler.extractors.hydra_config:HydraConfigExtractor",
    "spacy": "crawler.extractors.spacy:SpacyExtractor",
    "flax-msgpack": "crawler.extractors.flax_msgpack:FlaxMsgpackExtractor",
    "gguf": "crawler.extractors.gguf:GgufExtractor",
    "llamafile": "crawler.extractors.llamafile:LlamafileExtractor",
    "whisper-cpp": "crawler.extractors.whisper_cpp:WhisperCppExtractor",
    "ctranslate2": "crawler.extractors.ctranslate2:Ctranslate2Extractor",
    "mlc-weights": "crawler.extractors.mlc_weights:MlcWeightsExtractor",
    "monai": "crawler.extractors.monai:MonaiExtractor",
    "mteb": "crawler.extractors.mteb:MtebExtractor",
    "mindspore": "crawler.extractors.mindspore:MindsporeExtractor",
    "spark-ml": "crawler.extractors.spark_ml:SparkMlExtractor",
    "h2o": "crawler.extractors.h2o:H2oExtractor",
    "torchserve": "crawler.extractors.torchserve:TorchserveExtractor",
    "triton": "crawler.extractors.triton:TritonExtractor",
    "stable-baselines3": "crawler.extractors.stable_baselines3:StableBaselines3Extractor",
    "mlnet": "crawler.extractors.mlnet:MlnetExtractor",
    "autogluon": "crawler.extractors.autogluon:AutogluonExtractor",
    "eval-results": "crawler.extractors.eval_results:EvalResultsExtractor",
    "lora-sidecars": "crawler.extractors.lora_sidecars:LoraSidecarsExtractor",
    "modeldex-sidecar": "crawler.extractors.modeldex_sidecar:ModeldexSidecarExtractor",
    "model-card": "crawler.extractors.model_card:ModelCardExtractor",
    "safetensors": "crawler.extractors.safetensors:SafetensorsExtractor",
    "weights-index": "crawler.extractors.weights_index:WeightsIndexExtractor",
    "hf-config": "crawler.extractors.hf_config:HfConfigExtractor",
    "hf-tokenizer": "crawler.extractors.hf_tokenizer:HfTokenizerExtractor",
    "hf-sidecars": "crawler.extractors.hf_sidecars:HfSidecarsExtractor",
    "peft-adapter": "crawler.extractors.peft_adapter:PeftAdapterExtractor",
    "diffusers-pipeline": "crawler.extractors.diffusers:DiffusersPipelineExtractor",
    "diffusers-component": "crawler.extractors.diffusers:DiffusersComponentExtractor",
    "sentence-transformers": "crawler.extractors.sentence_transformers:SentenceTransformersExtractor",
    "hf-trainer": "crawler.extractors.hf_trainer:HfTrainerExtractor",
    "torch-zip": "crawler.extractors.torch_zip:TorchZipExtractor",
    "torch-legacy": "crawler.extractors.torch_legacy:TorchLegacyExtractor",
    "torch-export": "crawler.extractors.torch_export:TorchExportExtractor",
    "torch-distributed": "crawler.extractors.torch_distributed:TorchDistributedExtractor",
    "training-args": "crawler.extractors.training_args:TrainingArgsExtractor",
    "pickle": "crawler.extractors.pickle:PickleExtractor",
    "joblib": "crawler.extractors.joblib:JoblibExtractor",
    "ray-tune": "crawler.extractors.ray_tune:RayTuneExtractor",
    "skops": "crawler.extractors.skops:SkopsExtractor",
    "nnunet": "crawler.extractors.nnunet:NnunetExtractor",
    "numpy": "crawler.extractors.numpy_arrays:NumpyExtractor",
    "onnx": "crawler.extractors.onnx:OnnxExtractor",
    "opaque": "crawler.extractors.opaque:OpaqueExtractor",
    "openvino": "crawler.extractors.openvino:OpenvinoExtractor",
    "orbax": "crawler.extractors.orbax:OrbaxExtractor",
    "pmml": "crawler.extractors.pmml:PmmlExtractor",
    "paddle": "crawler.extractors.paddle:PaddleExtractor",
    "catboost": "crawler.extractors.catboost:CatboostExtractor",
    "coreml": "crawler.extractors.coreml:CoremlExtractor",
    "fasttext": "crawler.extractors.fasttext:FasttextExtractor",
    "keras-hdf5": "crawler.extractors.keras_hdf5:KerasHdf5Extractor",
    "keras-zip": "crawler.extractors.keras_zip:KerasZipExtractor",
    "lightgbm": "crawler.extractors.lightgbm:LightgbmExtractor",
    "tensorflow-checkpoint": "crawler.extractors.tensorflow_checkpoint:TensorflowCheckpointExtractor",
    "tensorflow-saved-model": "crawler.extractors.tensorflow_saved_model:TensorflowSavedModelExtractor",
    "tfjs": "crawler.extractors.tfjs:TfjsExtractor",
    "tflite": "crawler.extractors.tflite:TfliteExtractor",
    "xgboost": "crawler.extractors.xgboost:XgboostExtractor",
    "mlflow-model": "crawler.extractors.mlflow_model:MlflowModelExtractor",
    "mlflow-runs": "crawler.extractors.mlflow_runs:MlflowRunsExtractor",
    "mlflow-registry": "crawler.extractors.mlflow_registry:MlflowRegistryExtractor",
    "mlflow-entries": "crawler.extractors.mlflow_entries:MlflowEntriesExtractor",
    "mlflow-database": "crawler.extractors.mlflow_database:MlflowDatabaseExtractor",
    "dvc-config": "crawler.extractors.dvc_config:DvcConfigExtractor",
    "dvc": "crawler.extractors.dvc:DvcExtractor",
    "git-references": "crawler.extractors.git_references:GitReferencesExtractor",
    "sacred": "crawler.extractors.sacred:SacredExtractor",
    "run-settings": "crawler.extractors.run_settings:RunSettingsExtractor",
    "metrics-file": "crawler.extractors.metrics_file:MetricsFileExtractor",
    "licence-text": "crawler.extractors.licence_text:LicenceTextExtractor",
    "checksums": "crawler.extractors.checksums:ChecksumsExtractor",
    "bill-of-materials": "crawler.extractors.bill_of_materials:BillOfMaterialsExtractor",
    "oci-manifest": "crawler.extractors.oci_manifest:OciManifestExtractor",
    "bentoml": "crawler.extractors.bentoml:BentomlExtractor",
    "nemo": "crawler.extractors.nemo:NemoExtractor",
    "tione-entries": "crawler.extractors.tione_entries:TioneEntriesExtractor",
    "python-requirements": "crawler.extractors.python_requirements:PythonRequirementsExtractor",
}

ENGINES: Mapping[str, str] = {
    "tantivy": "indexer.engines.tantivy:TantivyEngine",
    "elasticsearch": "indexer.engines.elasticsearch:ElasticsearchEngine",
}

WRITERS: Mapping[str, str] = {
    "tantivy": "indexer.engines.tantivy:TantivyWriter",
    "elasticsearch": "indexer.engines.elasticsearch:ElasticsearchWriter",
}

COMMANDS: Mapping[str, str] = {
    "alias": "crawler.commands.stage:alias",
    "audit": "catalog.commands.audit:audit",
    "crawl": "crawler.commands.crawl:crawl",
    "diff": "catalog.commands.history:diff",
    "edit": "crawler.commands.edit:edit",
    "export": "catalog.commands.export:export",
    "forget": "crawler.commands.forget:forget",
    "hive": "indexer.commands.hive:hive",
    "log": "catalog.commands.log:log",
    "history": "catalog.commands.history:history",
    "keys": "crawler.commands.keys:keys",
    "models": "catalog.commands.models:models",
    "mongodb": "indexer.commands.mongodb:mongodb",
    "reindex": "indexer.commands.reindex:reindex",
    "restore": "crawler.commands.restore:restore",
    "retention": "crawler.commands.retention:retention",
    "runs": "crawler.commands.runs:runs",
    "saved": "catalog.commands.saved:saved",
    "search": "indexer.commands.search:search",
    "serve": "webui.commands.serve:serve",
    "settings": "catalog.commands.settings:settings",
    "show": "catalog.commands.show:show",
    "sources": "crawler.commands.sources:sources",
    "stage": "crawler.commands.stage:stage",
    "tokens": "catalog.commands.tokens:tokens",
    "users": "catalog.commands.users:users",
    "verify": "catalog.commands.verify:verify",
    "store": "crawler.commands.store:store",
    "webhooks": "indexer.commands.webhooks:webhooks",
    "worker": "crawler.commands.worker:worker",
}

SETTINGS: Mapping[str, str] = {
    # By the name of the section in modeldex.toml. Their modules are light: a search imports those it has values for.
    "access": "webui.settings:AccessSettings",
    "api": "webui.settings:ApiSettings",
    "cache": "webui.caching.settings:CacheSettings",
    "database": "catalog.settings.core:DatabaseSettings",
    "elasticsearch": "indexer.settings:ElasticsearchSettings",
    "encryption": "catalog.sealing.settings:EncryptionSettings",
    "events": "crawler.settings:EventSettings",
    "file": "crawler.settings:FileSettings",
    "hive": "indexer.settings:HiveSettings",
    "joins": "catalog.settings.core:JoinSettings",
    "log": "catalog.logs:LogSettings",
    "mongodb": "indexer.settings:MongodbSettings",
    "openlineage": "indexer.settings:OpenLineageSettings",
    "s3": "crawler.buckets.settings:S3Settings",
    "search": "catalog.settings.core:SearchSettings",
    "server": "webui.settings:ServerSettings",
    "webhooks": "indexer.settings:WebhookSettings",
    "worker": "crawler.settings:WorkerSettings",
}

HOOKS: Mapping[str, str] = {
    "news": "indexer.sinks.webhooks:tell_all",
    "statements": "indexer.statements:neighbours",
    "after-crawl": "indexer.drain:drain_now",
    "past": "indexer.engines.memory:engine_of",
    "matching": "indexer.engines.memory.matching:satisfies",
}

TABLES: Mapping[str, Mapping[str, str]] = {
    "source": SOURCES,
    "extractor": EXTRACTORS,
    "engine": ENGINES,
    "writer": WRITERS,
    "command": COMMANDS,
    "hook": HOOKS,
    "setting": SETTINGS,
}


def names(kind: str) -> list[str]:
    """Every known name of this kind, entry points included."""
    return sorted({*TABLES[kind], *_entry_points(kind)})


def load(kind: str, name: str) -> Any:
    """The object registered under this name. Raises PluginUnavailable with the reason.

    Our own names come first: a package that registers one of them again does not replace it.
    """
    target = TABLES[kind].get(name) or _entry_points(kind).get(name)
    if target is None:
        raise PluginUnavailable(kind, name, f"there is none; known are {', '.join(names(kind))}")
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise PluginUnavailable(kind, name, str(error)) from error
    except KeyboardInterrupt:
        raise
    except (
        BaseException
    ) as error:  # whatever a stranger's module raises, `exit` included, costs this plug-in alone
        raise PluginUnavailable(kind, name, described(error)) from error


def load_all(kind: str) -> Iterator[tuple[str, Any]]:
    """Every plug-in of this kind with its name."""
    for name in names(kind):
        yield name, load(kind, name)


def _entry_points(kind: str) -> Mapping[str, str]:
    return _entry_points_along(tuple(sys.path), f"modeldex.{kind}s")


@lru_cache(maxsize=2 * len(TABLES))
def _entry_points_along(_path: tuple[str, ...], group: str) -> Mapping[str, str]:
    """Remembered: a file of each package that is installed is read to find them."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - costs 10 ms that a search need not pay

    return {point.name: point.value for point in entry_points(group=group)}
