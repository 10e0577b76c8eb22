"""What Stable-Baselines3 keeps of an agent beside its weights: `data`, and the versions with which it was saved.

Source: DLR-RM/stable-baselines3 stable_baselines3/common/save_util.py (`data_to_json`, `save_to_zip_file`), common/utils.py
(`get_system_info`) and the `__init__` of each algorithm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import dtypes, jsons
from crawler.formats.json_values import leftovers, mapping, number, pointer, positive, text, whole
from crawler.formats.serialized_texts import KEY, SETTINGS
from crawler.reader import RangedReader

VERSION = "_stable_baselines3_version"
SYSTEM = "system_info.txt"
MAX_VERSION_BYTES = 100
MAX_SYSTEM_BYTES = 4096
MAX_AXES = 16
_POLICY = b'"policy_class"'
_SYSTEM_LINE = re.compile(r"^- ([A-Za-z][\w -]{0,40}): (.{1,200})$", re.MULTILINE)
_CLASS = re.compile(r"<function (\w{1,100})\.__init__ at ")
_KIND = re.compile(r"<class '(?:gym|gymnasium)\.spaces\.[\w.]*?(\w{1,50})'>")
_ALGORITHMS = (
    ("ppo", {"clip_range", "gae_lambda", "n_epochs"}),
    ("a2c", {"gae_lambda", "normalize_advantage"}),
    ("dqn", {"exploration_fraction", "target_update_interval"}),
    ("sac", {"target_entropy", "ent_coef"}),
)
"""Settings that one algorithm alone has; TD3 and DDPG share theirs. The file does not say which class saved it."""
_OWN_MODULES = "stable_baselines3."
_STATE = frozenset(
    {"policy_class", "observation_space", "action_space", "num_timesteps", "start_time", "verbose", "n_envs", "tensorboard_log"}
)  # fmt: skip
"""What is no setting that somebody chose; names that begin with `_` are none, either."""
_NANOSECONDS = 10**9
_LEAST_NANOSECONDS = 10**17
"""Older versions wrote seconds; so many of them are three thousand million years."""
_END_OF_TIME = 2**63
_RENAMED = {"n_epochs": "epochs_per_update"}
"""How often PPO goes over what it collected for one update: the training has no epochs."""


class StableBaselines3Extractor:
    """Reads the whole file. Of what is serialized in it the plain texts beside the pickles; those are checked with the archive."""

    name = "stable-baselines3"
    version = 1
    description = (
        "Agents of Stable-Baselines3 (data, _stable_baselines3_version and system_info.txt in NAME.zip)"
    )
    reads = "version, class of the policy, algorithm by its settings, steps, when training began, spaces, every plain setting"
    limits = "JSON 16 MB, 400 settings; the class of the algorithm is not in the file"
    signs = Signs(names=(SETTINGS, VERSION, SYSTEM))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rsplit("/", 1)[-1]
        is_own = (
            (name == SETTINGS and head.lstrip()[:1] == b"{" and _POLICY in head)
            or (name == VERSION and head[:1].isdigit())
            or (name == SYSTEM and b"- Stable-Baselines3: " in head)
        )
        return Claim(format="stable-baselines3", role=Role.CONFIG, confidence=80) if is_own else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        if reader.name == VERSION:
            written = reader.read(0, MAX_VERSION_BYTES).decode("utf-8", "replace").strip()
            findings.say("framework", "stable-baselines3", "file:", evidence=Evidence.INFERRED)
            findings.say("framework_version", written, "file:")
        elif reader.name == SYSTEM:
            written = reader.read(0, MAX_SYSTEM_BYTES).decode("utf-8", "replace").replace("\r", "")
            for line in _SYSTEM_LINE.finditer(written):
                name = line[1].lower().replace(" ", "_")
                findings.say(f"extra.system.{name}", line[2].strip(), f"line:{line[1]}")
        else:
            _tell_agent(findings, jsons.read_object(reader))
        return findings.extraction()


def _tell_agent(findings: Findings, agent: Mapping[str, Any]) -> None:
    policy = mapping(agent.get("policy_class"))
    findings.say("framework", "stable-baselines3", pointer("policy_class"), evidence=Evidence.INFERRED)
    findings.say("task", "reinforcement-learning", pointer("policy_class"), evidence=Evidence.INFERRED)
    if called := _CLASS.match(text(policy.get("__init__")) or ""):
        findings.say("architecture", called[1], pointer("policy_class", "__init__"))
    if (text(policy.get("__module__")) or "").startswith(_OWN_MODULES):
        algorithm = next((name for name, settings in _ALGORITHMS if settings <= agent.keys()), None)
        findings.say("model_type", algorithm, pointer("policy_class"), evidence=Evidence.INFERRED)
    findings.say("training.steps", positive(agent.get("num_timesteps")), pointer("num_timesteps"))
    findings.say("training_started_at", _instant(agent.get("start_time")), pointer("start_time"))
    findings.say("extra.environments", positive(agent.get("n_envs")), pointer("n_envs"))
    _tell_space(findings, "inputs", "observation", agent.get("observation_space"))
    _tell_space(findings, "outputs", "action", agent.get("action_space"))
    settings = {
        key: value
        for key, value in agent.items()
        if key not in _STATE and not key.startswith("_") and KEY not in mapping(value)
    }
    for name, value, place in leftovers(settings):
        findings.say(f"hyperparameters.{_RENAMED.get(name, name)}", value, place)


def _instant(began: object) -> int | None:
    """Whole seconds since 1970."""
    seconds = number(began)
    if seconds is None or not 0 < seconds < _END_OF_TIME:
        return None
    return int(seconds) // (_NANOSECONDS if seconds >= _LEAST_NANOSECONDS else 1)


def _tell_space(findings: Findings, field: str, name: str, value: object) -> None:
    """A space with one shape is a tensor; of the others the kind is said."""
    space = mapping(value)
    place = pointer(f"{name}_space")
    kind = _KIND.fullmatch(text(space.get(":type:")) or "")
    findings.say(f"extra.{name}_space", kind and kind[1], place)
    shape, dtype = space.get("_shape"), text(space.get("dtype"))
    if isinstance(shape, list) and len(shape) <= MAX_AXES and all(whole(size) is not None for size in shape):
        tensor = {"name": name, "dtype": dtype and dtypes.canonical(dtype), "shape": shape}
        findings.say(field, [tensor], place)
    if (count := text(space.get("n"))) is not None and count.isdecimal():
        findings.say(f"extra.{name}s", int(count[:18]), place)
