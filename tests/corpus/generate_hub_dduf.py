"""Writes the small DDUF file of tests/corpus/data/hub with huggingface_hub and safetensors.

Written with huggingface_hub and safetensors as truth.json says: python tests/corpus/generate_hub_dduf.py
"""

import json
from pathlib import Path

import numpy as np
from huggingface_hub import export_entries_as_dduf
from safetensors.numpy import save

DATA = Path(__file__).resolve().parent / "data" / "hub"
INDEX = {
    "_class_name": "FluxPipeline",
    "_diffusers_version": "0.32.0",
    "transformer": ["diffusers", "FluxTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "safety_checker": [None, None],
}

if __name__ == "__main__":
    entries = [("model_index.json", json.dumps(INDEX).encode())]
    for component, size in (("transformer", 40), ("vae", 10)):
        weights = save({"layer.weight": np.zeros((size, 2), np.float16)}, {"format": "pt"})
        entries += [
            (f"{component}/config.json", b"{}"),
            (f"{component}/diffusion_pytorch_model.safetensors", weights),
        ]
    export_entries_as_dduf(DATA / "flux-mini.dduf", entries)
