"""Agents of Stable-Baselines3, as `PPO.save` and the others write them."""

from __future__ import annotations

import base64
import json
from typing import ClassVar

import pytest
from fixtures.extraction import extract, values_of

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.stable_baselines3 import StableBaselines3Extractor

SERIALIZED = base64.b64encode(b"\x80\x04N.").decode()
AGENT = {
    "policy_class": {
        ":type:": "<class 'abc.ABCMeta'>",
        ":serialized:": SERIALIZED,
        "__module__": "stable_baselines3.common.policies",
        "__init__": "<function ActorCriticPolicy.__init__ at 0x7f63a0c37740>",
    },
    "policy_kwargs": {"net_arch": [8]},
    "num_timesteps": 25000,
    "_total_timesteps": 30000,
    "start_time": 1796006593693536483,
    "learning_rate": 0.0003,
    "seed": None,
    "gae_lambda": 0.95,
    "n_epochs": 10,
    "clip_range": {":type:": "<class 'function'>", ":serialized:": SERIALIZED},
    "observation_space": {
        ":type:": "<class 'gymnasium.spaces.box.Box'>",
        ":serialized:": SERIALIZED,
        "dtype": "float32",
        "_shape": [4],
    },
    "action_space": {":type:": "<class 'gymnasium.spaces.discrete.Discrete'>", "n": "2", "dtype": "int64", "_shape": []},
}  # fmt: skip


class TestStableBaselines3(ExtractorSuite):
    extractor = StableBaselines3Extractor
    expected: ClassVar = {
        "framework": "stable-baselines3",
        "architecture": "ActorCriticPolicy",
        "model_type": "ppo",
        "task": "reinforcement-learning",
        "training.steps": 25000,
        "training_started_at": 1796006593,
        "hyperparameters.learning_rate": 0.0003,
        "hyperparameters.policy_kwargs.net_arch": [8],
        "inputs": [{"name": "observation", "dtype": "F32", "shape": [4]}],
        "extra.actions": 2,
    }

    def sample(self):
        return Sample(key="data", data=json.dumps(AGENT).encode())


def test_pickles_and_states_are_no_settings_of_an_agent():
    said = values_of(extract(StableBaselines3Extractor, "data", AGENT))
    assert {name for name in said if name.startswith("hyperparameters.")} == {
        "hyperparameters.policy_kwargs.net_arch",
        "hyperparameters.learning_rate",
        "hyperparameters.gae_lambda",
        "hyperparameters.epochs_per_update",
    }


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"policy_class": {"__module__": "sb3_contrib.common.recurrent.policies"}}, "model_type", None),
        ({"start_time": 1650000000.5}, "training_started_at", 1650000000),
        ({"start_time": "yesterday"}, "training_started_at", None),
        ({"observation_space": {"_shape": ["x"]}}, "inputs", None),
        ({"action_space": {"n": "[3 2]"}}, "extra.actions", None),
    ],
    ids=["of another library", "in seconds", "no time", "no shape", "several actions"],
)
def test_what_an_agent_does_not_surely_say_stays_unsaid(change, field, value):
    assert values_of(extract(StableBaselines3Extractor, "data", AGENT | change)).get(field) == value


@pytest.mark.parametrize(
    ("key", "data", "field", "value"),
    [
        ("_stable_baselines3_version", b"2.9.2", "framework_version", "2.9.2"),
        ("system_info.txt", b"- OS: Linux\r\n- Stable-Baselines3: 2.9.2\r\n- GPU Enabled: False\r\n", "extra.system.gpu_enabled", "False"),
    ],
)  # fmt: skip
def test_versions_are_read_beside_the_agent(key, data, field, value):
    assert values_of(extract(StableBaselines3Extractor, key, data))[field] == value
