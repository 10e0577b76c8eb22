"""Adds TFLITE_METADATA to tests/corpus/data/tflite/digits.tflite, as the metadata writers of TFLite Support lay it out.

Written with tensorflow-cpu 2.21.0 and flatbuffers: python tests/corpus/generate_graphs_tflite_metadata.py
"""

from pathlib import Path

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

DATA = Path(__file__).resolve().parent / "data" / "tflite"
FIELDS = {0: "Digit reader", 1: "Reads one digit.", 2: "v3", 4: "Ada", 5: "Apache-2.0", 7: "1.3.0"}


def metadata():
    """ModelMetadata: name 0, description 1, version 2, author 4, license 5, min_parser_version 7."""
    builder = flatbuffers.Builder(256)
    texts = {number: builder.CreateString(text) for number, text in FIELDS.items()}
    builder.StartObject(8)
    for number, offset in texts.items():
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    builder.Finish(builder.EndObject(), b"M001")
    return bytes(builder.Output())


def main():
    model = schema.ModelT.InitFromPackedBuf((DATA / "digits.tflite").read_bytes(), 0)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(metadata(), dtype=np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = b"TFLITE_METADATA", len(model.buffers) - 1
    model.metadata.append(entry)
    builder = flatbuffers.Builder(16 * 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    (DATA / "described.tflite").write_bytes(bytes(builder.Output()))


if __name__ == "__main__":
    main()
