"""Writes the small Flax checkpoint of tests/corpus/data/hub with what flax reads back.

Written with the versions in flax-truth.json: python tests/corpus/generate_hub_flax.py
"""

import importlib.metadata
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import serialization

DATA = Path(__file__).resolve().parent / "data" / "hub"

PARAMS = {
    "encoder": {"kernel": np.ones((8, 16), np.float32), "bias": np.zeros(16, np.float32)},
    "head": {"kernel": jnp.ones((16, 3), jnp.bfloat16), "bias": np.zeros(3, np.float16)},
}
STATE = {
    "step": 1200,
    "params": PARAMS,
    "opt_state": {"0": {"mu": PARAMS, "nu": PARAMS, "count": np.array(1200, np.int32)}},
    "batch_stats": {"mean": np.zeros(16, np.float32)},
    "best_accuracy": 0.875,
    "note": "état final",
    "history": [0.5, 0.75],
    "done": True,
    "nothing": None,
}


def count(tree):
    if isinstance(tree, dict):
        return sum(map(count, tree.values()))
    return int(np.prod(tree.shape))


if __name__ == "__main__":
    serialization.MAX_CHUNK_SIZE = 256  # so that the kernel is written in chunks, as arrays above 1 GB are
    (DATA / "flax_model.msgpack").write_bytes(serialization.msgpack_serialize(STATE))
    back = serialization.msgpack_restore((DATA / "flax_model.msgpack").read_bytes())
    truth = {
        "versions": {name: importlib.metadata.version(name) for name in ("flax", "jax", "numpy")},
        "parameters": count(back["params"]),
        "with_statistics": count(back["params"]) + count(back["batch_stats"]),
    }
    (DATA / "flax-truth.json").write_text(json.dumps(truth, indent=1, sort_keys=True) + "\n")
