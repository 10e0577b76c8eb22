"""Writes the small spaCy and Hydra files of tests/corpus/data/hub-runs.

Written with spacy 3.8.18 and hydra-core 1.3: python tests/corpus/generate_hub_runs.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data" / "hub-runs"

HYDRA = """
import hydra
@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config): pass
main()
"""
HYDRA_CONFIG = """optimizer: {lr: 5e-5, name: adamw}
seed: 42
data: {path: "${oc.env:HOME}/data", seed: 1}
"""


def spacy_pipeline():
    import spacy

    nlp = spacy.blank("nb")
    nlp.add_pipe("ner").add_label("PER")
    nlp.meta.update(
        name="names", version="1.2.0", license="MIT", author="Example", description="Names in Norwegian."
    )
    nlp.meta["performance"] = {
        "ents_f": 0.884,
        "ents_p": 0.879,
        "speed": 9500.5,
        "ents_per_type": {"PER": {"f": 0.9}},
    }
    nlp.meta["sources"] = [{"name": "NorNE", "license": "CC0"}]
    with tempfile.TemporaryDirectory() as folder:
        nlp.initialize()
        nlp.to_disk(folder)
        for name in ("meta.json", "config.cfg"):
            shutil.copy(Path(folder) / name, DATA / f"spacy-{name}")


def hydra_run():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "main.py").write_text(HYDRA.replace("config_path=None", f"config_path={str(root)!r}"))
        (root / "config.yaml").write_text(HYDRA_CONFIG)
        subprocess.run([sys.executable, "main.py", f"hydra.run.dir={root}/out"], cwd=root, check=True)
        shutil.copy(root / "out" / ".hydra" / "config.yaml", DATA / "hydra-config.yaml")


if __name__ == "__main__":
    DATA.mkdir(parents=True, exist_ok=True)
    spacy_pipeline()
    hydra_run()
