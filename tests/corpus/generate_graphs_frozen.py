"""Writes a frozen graph, whose weights are constants, with the count of the layers it was made of.

Written with tensorflow-cpu 2.21.0: TF_CPP_MIN_LOG_LEVEL=3 python tests/corpus/generate_graphs_frozen.py
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

DATA = Path(__file__).resolve().parent / "data" / "tensorflow"


def main():
    rng = np.random.default_rng(2)
    kernel = tf.Variable(rng.standard_normal((20, 30)).astype("f4"))
    bias = tf.Variable(rng.standard_normal(30).astype("f4"))

    @tf.function(input_signature=[tf.TensorSpec([None, 20], tf.float32, name="x")])
    def network(x):
        return tf.nn.relu(tf.matmul(x, kernel) + bias)

    graph = convert_variables_to_constants_v2(network.get_concrete_function()).graph.as_graph_def()
    (DATA / "frozen.pb").write_bytes(graph.SerializeToString())
    (DATA / "frozen.json").write_text(json.dumps({"frozen.pb": int(tf.size(kernel) + tf.size(bias))}) + "\n")


if __name__ == "__main__":
    main()
