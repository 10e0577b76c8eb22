from pathlib import Path
from typing import ClassVar

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.diffusers import DiffusersComponentExtractor, DiffusersPipelineExtractor
from crawler.extractors.hf_config import HfConfigExtractor
from crawler.extractors.hf_sidecars import HfSidecarsExtractor
from crawler.extractors.hf_tokenizer import HfTokenizerExtractor
from crawler.extractors.hf_trainer import HfTrainerExtractor
from crawler.extractors.peft_adapter import PeftAdapterExtractor
from crawler.extractors.sentence_transformers import SentenceTransformersExtractor

DATA = Path(__file__).parents[1] / "corpus" / "data" / "hub"


def sample_of(name, key):
    return Sample(key=key, data=(DATA / name).read_bytes())


class TestHfConfig(ExtractorSuite):
    extractor = HfConfigExtractor
    expected: ClassVar = {
        "architecture": "LlamaForCausalLM",
        "model_type": "llama",
        "task": "text-generation",
        "context_length": 16384,
        "quantization.method": "gptq",
        "quantization.bits": 4,
        "quantization.group_size": 128,
        "precision": "bfloat16",
    }

    def sample(self):
        return sample_of("llama-gptq-config.json", "llama/config.json")


class TestHfTokenizer(ExtractorSuite):
    extractor = HfTokenizerExtractor
    expected: ClassVar = {"context_length": 512, "extra.tokenizer_class": "BertTokenizer"}

    def sample(self):
        return sample_of("tokenizer_config.json", "mini/tokenizer_config.json")


class TestHfSidecars(ExtractorSuite):
    extractor = HfSidecarsExtractor
    expected: ClassVar = {"extra.generation.eos_token_id": 2}

    def sample(self):
        return sample_of("generation_config.json", "chat/generation_config.json")


class TestHfTrainer(ExtractorSuite):
    extractor = HfTrainerExtractor
    expected: ClassVar = {
        "metrics.eval_accuracy": 0.75,
        "training.epochs": 2.0,
        "training.steps": 4,
        "training.learning_rate": 5e-05,
    }

    def sample(self):
        return sample_of("trainer_state.json", "run/trainer_state.json")


class TestHfResults(ExtractorSuite):
    extractor = HfTrainerExtractor
    expected: ClassVar = {"metrics.eval_accuracy": 0.75}

    def sample(self):
        return sample_of("all_results.json", "run/all_results.json")


class TestPeftAdapter(ExtractorSuite):
    extractor = PeftAdapterExtractor
    expected: ClassVar = {
        "adapter.type": "LORA",
        "adapter.rank": 8,
        "adapter.alpha": 16,
        "base_model.id": "meta-llama/Llama-3.1-8B",
        "task": "text-generation",
    }

    def sample(self):
        return sample_of("adapter_config.json", "lora/adapter_config.json")


class TestDiffusersPipeline(ExtractorSuite):
    extractor = DiffusersPipelineExtractor
    expected: ClassVar = {
        "architecture": "DDPMPipeline",
        "framework": "diffusers",
        "task": "unconditional-image-generation",
    }

    def sample(self):
        return sample_of("model_index.json", "ddpm/model_index.json")


class TestDiffusersComponent(ExtractorSuite):
    extractor = DiffusersComponentExtractor
    expected: ClassVar = {"architecture": "UNet2DModel", "framework_version": "0.42.1"}

    def sample(self):
        return sample_of("unet-config.json", "ddpm/unet/config.json")


class TestSentenceTransformersModules(ExtractorSuite):
    extractor = SentenceTransformersExtractor
    expected: ClassVar = {"framework": "sentence-transformers", "extra.modules": ["Transformer", "Pooling"]}

    def sample(self):
        return sample_of("modules.json", "mini/modules.json")


class TestSentenceTransformersSettings(ExtractorSuite):
    extractor = SentenceTransformersExtractor
    expected: ClassVar = {"framework_version": "6.2.0", "extra.similarity_fn_name": "cosine"}

    def sample(self):
        return sample_of("config_sentence_transformers.json", "mini/config_sentence_transformers.json")
