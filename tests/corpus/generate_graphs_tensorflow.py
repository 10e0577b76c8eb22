"""Writes the small TensorFlow, Keras and TFLite files of tests/corpus/data with the count that Keras makes of each.

Written with tensorflow-cpu 2.21.0, keras 3.15.1 and h5py 3.16.0: TF_CPP_MIN_LOG_LEVEL=3 python tests/corpus/generate_graphs_tensorflow.py
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf

DATA = Path(__file__).resolve().parent / "data"
rng = np.random.default_rng(3)


def trained():
    """A convolutional classifier after one step of Adam: biases are no longer zero, optimizer slots exist."""
    keras.utils.set_random_seed(5)
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="pixels"),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax", name="digits"),
        ],
        name="digit_net",
    )
    network.compile(keras.optimizers.Adam(0.004), "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(rng.random((32, 8, 8, 1)), rng.integers(0, 10, 32), epochs=1, verbose=0)
    return network


def write_keras(network, counts):
    folder = DATA / "keras"
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / "digits.keras")
    network.save(folder / "digits.h5")
    network.save_weights(folder / "digits.weights.h5")
    counts["keras/digits.keras"] = counts["keras/digits.h5"] = network.count_params()
    counts["keras/digits.weights.h5"] = network.count_params()
    hostile = keras.Sequential(
        [keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(2)]
    )
    hostile.save(folder / "lambda.keras")
    counts["keras/lambda.keras"] = hostile.count_params()


def write_hostile_hdf5():
    """Files that reach for other files, as h5py itself writes them."""
    folder = DATA / "hdf5"
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / "external-storage.h5", "w") as file:
        file.attrs["keras_version"] = "3.0.0"
        file.create_dataset("layer/kernel", shape=(8,), dtype="u1", external=[("secret.txt", 0, 8)])
        file.create_dataset("layer/bias", data=np.zeros(3, dtype="f4"))
    with h5py.File(folder / "external-link.h5", "w") as file:
        file.attrs["keras_version"] = "3.0.0"
        file["weights"] = h5py.ExternalLink("secret.h5", "/data")
        file["loop"] = h5py.SoftLink("/loop")
    with h5py.File(folder / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
        layout[:] = h5py.VirtualSource("secret.h5", "data", shape=(4,))
        file.create_virtual_dataset("kernel", layout)
    with h5py.File(folder / "shape-bomb.h5", "w") as file:
        file.attrs["keras_version"] = "3.0.0"
        file.create_dataset("kernel", shape=(2**20, 2**20), chunks=(16, 16), dtype="f4")
    with h5py.File(folder / "plain.h5", "w") as file:
        file.create_dataset("layer1/weights", data=np.ones((3, 4), dtype="f2"))


def write_saved_model(network, counts):
    folder = DATA / "tensorflow"
    shutil.rmtree(folder, ignore_errors=True)
    network.export(folder / "exported", verbose=False)
    counts["tensorflow/exported"] = network.count_params()

    class Reader(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def __call__(self, name):
            return tf.io.read_file(name)

    tf.saved_model.save(Reader(), folder / "reads-files")
    tf.train.Checkpoint(model=network, optimizer=network.optimizer).save(folder / "checkpoint" / "ckpt")
    counts["tensorflow/checkpoint"] = network.count_params()


def write_tflite(network, counts):
    folder = DATA / "tflite"
    folder.mkdir(parents=True, exist_ok=True)

    def convert(name, prepare):
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        prepare(converter)
        data = converter.convert()
        (folder / name).write_bytes(data)
        interpreter = tf.lite.Interpreter(model_content=data)
        interpreter.allocate_tensors()

    def integers(converter):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([rng.random((1, 8, 8, 1)).astype("f4")] for _ in range(8))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    def halves(converter):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    convert("digits.tflite", lambda _: None)
    convert("digits-int8.tflite", integers)
    convert("digits-f16.tflite", halves)
    # of the four vectors of the batch normalisation the converter makes one factor and one offset
    folded = network.count_params() - 4 * 4 + 2 * 4
    for name in ("digits", "digits-int8", "digits-f16"):
        counts[f"tflite/{name}.tflite"] = folded
    write_untrained(folder, counts)


def write_untrained(folder, counts):
    """Networks whose biases are still zero, or that have none: the converter merges the ones and makes up the others."""
    layers = keras.layers
    networks = {
        "convolutions": [
            layers.Conv2D(8, 3, activation="relu"),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(8, activation="relu"),
            layers.Dense(2),
        ],
        "convolutions-without-bias": [layers.Conv2D(4, 3, use_bias=False), layers.Flatten(), layers.Dense(2)],
    }
    for name, stack in networks.items():
        network = keras.Sequential([keras.Input((8, 8, 3)), *stack])
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        (folder / f"{name}.tflite").write_bytes(converter.convert())
        counts[f"tflite/{name}.tflite"] = network.count_params()


def main():
    counts = {}
    network = trained()
    write_keras(network, counts)
    write_hostile_hdf5()
    write_saved_model(network, counts)
    write_tflite(network, counts)
    (DATA / "tensorflow" / "counts.json").write_text(json.dumps(counts, indent=2) + "\n")
    for secret in ("secret.txt", "secret.h5"):
        Path(secret).unlink(missing_ok=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        main()
