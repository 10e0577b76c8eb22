"""Writes the small Orbax checkpoints of tests/corpus/data/orbax.

Written with orbax-checkpoint 0.12.8 and jax 0.10.2: python tests/corpus/generate_graphs_orbax.py
"""

import json
import shutil
from pathlib import Path

import jax.numpy as jnp
import orbax.checkpoint as ocp

DATA = Path(__file__).resolve().parent / "data" / "orbax"


def main():
    shutil.rmtree(DATA, ignore_errors=True)
    params = {
        "dense": {"kernel": jnp.ones((8, 16)), "bias": jnp.zeros(16)},
        "head": {"kernel": jnp.ones((16, 3))},
    }
    state = {
        "params": params,
        "opt_state": {"mu": params, "nu": params, "count": jnp.array(5)},
        "step": jnp.array(5),
    }
    with ocp.CheckpointManager(DATA / "run", metadata={"team": "vision"}) as manager:
        manager.save(5, args=ocp.args.StandardSave(state), metrics={"loss": 0.25, "accuracy": 0.9})
        manager.wait_until_finished()
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(DATA / "single", params)
    (DATA / "counts.json").write_text(json.dumps({"params": 8 * 16 + 16 + 16 * 3}, indent=2) + "\n")


if __name__ == "__main__":
    main()
