"""safetensors, bin, h5, ONNX and an fp16 variant of one network are counted once."""

from __future__ import annotations

from fixtures.normalise import document, tally, weights


def test_one_is_counted_the_rest_are_alternatives() -> None:
    made = document(
        weights("model/model.safetensors", tally(1000)),
        weights("model/model.fp16.safetensors", tally(1000, dtype="F16")),
        weights("model/pytorch_model.bin", tally(1000), format="pytorch"),
        weights("model/tf_model.h5", tally(1000), format="hdf5"),
        weights("model/onnx/model.onnx", tally(1010), tally(7, dtype="I64"), format="onnx"),
    )
    assert (made["parameters"], made["size_bytes"], made["precision"]) == (1000, 4100, "F32")
    assert made["format"] == ["safetensors", "pytorch", "hdf5", "onnx"]
    assert [(item["format"], item["parameters"]) for item in made["alternatives"]] == [
        ("safetensors", 1000),
        ("pytorch", 1000),
        ("hdf5", 1000),
        ("onnx", 1010),
    ]


def test_hard_links_are_not_counted_twice() -> None:
    made = document(
        weights("model/model.safetensors", tally(1000), identity="inode:1"),
        weights("model/copy/model.safetensors", tally(1000), identity="inode:1"),
    )
    assert made["total_bytes"] == made["size_bytes"] == 4100


def test_components_of_a_pipeline_are_summed_once_each() -> None:
    made = document(
        weights("p/unet/diffusion_pytorch_model.safetensors", tally(800)),
        weights("p/unet/diffusion_pytorch_model.fp16.safetensors", tally(800, dtype="F16")),
        weights("p/vae/diffusion_pytorch_model.safetensors", tally(200)),
        weights("p/v1-5-pruned.safetensors", tally(1000)),
        key="p",
        kind="pipeline",
    )
    assert (made["parameters"], made["parameters_scope"]) == (1000, "pipeline")


def test_an_encoder_and_a_decoder_are_one_model_together() -> None:
    from fixtures.normalise import tensors

    made = document(
        weights("m/encoder.onnx", format="onnx", summary=tensors(tally(10), names=["e"])),
        weights("m/decoder.onnx", format="onnx", summary=tensors(tally(20), names=["d"])),
        weights("m/decoder_merged.onnx", format="onnx", summary=tensors(tally(30), names=["x"])),
        key="m",
    )
    assert made["parameters"] == 30
