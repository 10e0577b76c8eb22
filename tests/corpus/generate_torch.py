"""Writes the small torch files of tests/corpus/data/torch with what torch itself counts in them.

Written with torch 2.15.0 and lightning, as VERSIONS in truth.json say: python tests/corpus/generate_torch.py
"""

import argparse
import collections
import importlib.metadata
import json
import pickle
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path

import lightning
import numpy as np
import torch
import torch.distributed.checkpoint
from torch import nn

DATA = Path(__file__).resolve().parent / "data" / "torch"
TRUTH = {"versions": {name: importlib.metadata.version(name) for name in ("torch", "lightning", "numpy")}}
torch.manual_seed(3)


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 5))


def total(tensors):
    return sum(tensor.numel() for tensor in tensors)


def state_dicts():
    model = network()
    torch.save(model.state_dict(), DATA / "state_dict.pt")
    torch.save(model.state_dict(), DATA / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(model.to(torch.bfloat16).state_dict(), DATA / "bfloat16.bin")
    for name in ("state_dict.pt", "legacy.pth", "bfloat16.bin"):
        read = torch.load(DATA / name, weights_only=True)
        TRUTH[name] = {"parameters": total(read.values()), "tensors": len(read)}


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.head = nn.Linear(6, 20, bias=False)
        self.head.weight = self.embedding.weight


def tied_and_views():
    model = Tied()
    torch.save(model.state_dict(), DATA / "tied.pt")
    TRUTH["tied.pt"] = {"parameters": total(model.parameters()), "tied": ["head.weight"]}
    base = torch.arange(24, dtype=torch.float32)
    views = {"first": base[:12].view(3, 4), "second": base[12:], "transposed": base[:12].view(3, 4).t()}
    torch.save(views, DATA / "views.pt")
    TRUTH["views.pt"] = {"shapes": {name: list(value.shape) for name, value in views.items()}}


def kinds_of_tensors():
    quantized = torch.quantize_per_tensor(torch.rand(4, 4), 0.1, 10, torch.quint8)
    tensors = {
        "float8": torch.rand(4, 2).to(torch.float8_e4m3fn),
        "half": torch.rand(3).half(),
        "complex": torch.rand(2, dtype=torch.complex64),
        "boolean": torch.tensor([True, False]),
        "quantized": quantized,
        "sparse": torch.eye(4).to_sparse(),
        "parameter": nn.Parameter(torch.rand(2, 2)),
        "meta": torch.empty(5, 5, device="meta"),
        "scalar": torch.tensor(3),
        "unsigned": torch.ones(3, dtype=torch.uint16),
    }
    torch.save(tensors, DATA / "kinds.pt")
    TRUTH["kinds.pt"] = {"shapes": {name: list(tensor.shape) for name, tensor in tensors.items()}}


def checkpoint():
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, weight_decay=0.02)
    model(torch.rand(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    average = torch.optim.swa_utils.AveragedModel(model)
    content = {
        "epoch": 7,
        "global_step": 1400,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "ema_state_dict": average.module.state_dict(),
        "best_acc": np.float64(0.875),
        "val_loss": torch.tensor(0.25),
        "args": argparse.Namespace(lr=2e-4, batch_size=32, arch="resnet_tiny", data=Path("/data/flowers")),
        "rng_state": torch.get_rng_state()[:16],
    }
    torch.save(content, DATA / "checkpoint.pt")
    TRUTH["checkpoint.pt"] = {
        "parameters": total(model.state_dict().values()),
        "optimizer": sum(
            total(v for v in state.values() if isinstance(v, torch.Tensor))
            for state in optimizer.state.values()
        ),
    }


def whole_module():
    torch.save(network(), DATA / "module.pt")
    TRUTH["module.pt"] = {"parameters": total(network().state_dict().values()), "architecture": "Sequential"}


def bare_pickles():
    model = network()
    (DATA / "bare.pkl").write_bytes(pickle.dumps({"state_dict": model.state_dict(), "epoch": 2}, protocol=4))
    TRUTH["bare.pkl"] = {"parameters": total(model.state_dict().values())}
    arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    (DATA / "arrays.pkl").write_bytes(pickle.dumps({"model": arrays, "__author__": "somebody"}, protocol=2))
    TRUTH["arrays.pkl"] = {"parameters": sum(array.size for array in arrays.values())}


def torchscript():
    model = network().eval()
    torch.jit.save(torch.jit.script(model), DATA / "scripted.pt")
    torch.jit.save(torch.jit.trace(model, torch.rand(1, 3, 4, 4)), DATA / "traced.pt")
    TRUTH["scripted.pt"] = {"parameters": total(model.parameters()), "buffers": total(model.buffers())}
    TRUTH["traced.pt"] = TRUTH["scripted.pt"]


def exported():
    model = network().eval()
    batch = torch.export.Dim("batch")
    program = torch.export.export(model, (torch.rand(2, 3, 4, 4),), dynamic_shapes=({0: batch},))
    torch.export.save(program, DATA / "exported.pt2")
    TRUTH["exported.pt2"] = {"parameters": total(model.parameters()), "buffers": total(model.buffers())}


def distributed():
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    with tempfile.TemporaryDirectory() as folder:
        content = {"model": model.state_dict(), "optim": optimizer.state_dict()}
        torch.distributed.checkpoint.save(content, checkpoint_id=folder, no_dist=True)
        target = DATA / "dcp"
        target.mkdir(exist_ok=True)
        raw = (Path(folder) / ".metadata").read_bytes()
        (target / ".metadata").write_bytes(raw)
    TRUTH["dcp/.metadata"] = {"parameters": total(model.state_dict().values())}


class LitModel(lightning.LightningModule):
    def __init__(self, width=4, lr=0.03, dataset="flowers"):
        super().__init__()
        self.save_hyperparameters()
        self.layer = nn.Linear(8, width)

    def training_step(self, batch, _):
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("val_loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]


def lightning_checkpoint():
    with tempfile.TemporaryDirectory() as folder:
        keeper = lightning.pytorch.callbacks.ModelCheckpoint(
            dirpath=folder, filename="best", monitor="val_loss", save_on_train_epoch_end=True
        )
        trainer = lightning.Trainer(
            max_epochs=2,
            accelerator="cpu",
            callbacks=[keeper],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(8, 8)), batch_size=4)
        model = LitModel()
        trainer.fit(model, loader)
        shutil.copy(keeper.best_model_path, DATA / "lightning.ckpt")
        TRUTH["lightning.ckpt"] = {
            "parameters": total(model.parameters()),
            "val_loss": float(keeper.best_model_score),
            "global_step": torch.load(keeper.best_model_path, weights_only=False)["global_step"],
        }


def big_directory():
    """Many storages before the pickle, as TorchScript writes them: what counts is the number of requests."""
    layers = collections.OrderedDict((f"layer{i}", nn.Linear(2, 2)) for i in range(3))
    torch.save(nn.Sequential(layers).state_dict(), DATA / "three_layers.pt")
    with zipfile.ZipFile(DATA / "three_layers.pt") as archive:
        TRUTH["three_layers.pt"] = {"members": len(archive.namelist())}


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    for write in (
        state_dicts,
        tied_and_views,
        kinds_of_tensors,
        checkpoint,
        whole_module,
        bare_pickles,
        torchscript,
        exported,
        distributed,
        lightning_checkpoint,
        big_directory,
    ):
        write()
    (DATA / "truth.json").write_text(json.dumps(TRUTH, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
