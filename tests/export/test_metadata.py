"""Metadata inside TFLite files: it can be read back, and the file computes the same."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import pytest

from tests.conformance.table import Row
from tfvae.errors import UserError
from tfvae.export import flatbuffer, metadata, tflite

litert = pytest.importorskip("ai_edge_litert.interpreter")
schema = pytest.importorskip("ai_edge_litert.schema_py_generated")

FACTS = {"name": "Ziffern, größer", "latent_dim": 2, "prior": {"mean": [0.1, -1e-7]}, "network": None}


@pytest.fixture(scope="module")
def decoder_file() -> bytes:
    """8x8 pixels from two latents, for one and for three examples."""
    return tflite.decoder(Row("mlp", "bernoulli", "standard", "8x8x1").build(), [1, 3])


def decode(data: bytes, z: np.ndarray) -> Any:
    return litert.Interpreter(model_content=data).get_signature_runner("decode")(z=z)["mean"]


def test_signatures_of_float32(decoder_file: bytes) -> None:
    z = {"shape": [1, 2], "dtype": "float32", "scale": 0.0, "zero_point": 0}
    mean = {"shape": [1, 8, 8, 1], "dtype": "float32", "scale": 0.0, "zero_point": 0}
    found = metadata.signatures(decoder_file)
    assert found["decode"] == {"inputs": {"z": z}, "outputs": {"mean": mean}}
    assert found["decode_3"]["inputs"]["z"]["shape"] == [3, 2]


def test_signatures_say_scale_and_zero_point() -> None:
    """A file made by hand: one quantized tensor that is input and output."""
    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT()], []
    quantization = schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = [0.25], [-3]
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.quantization = "z", [1, 4], schema.TensorType.INT8, quantization
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [tensor], [0], [0], []
    model.subgraphs = [graph]
    signature, entry = schema.SignatureDefT(), schema.TensorMapT()
    entry.name, entry.tensorIndex = "z", 0
    signature.signatureKey, signature.inputs, signature.outputs = "decode", [entry], [entry]
    model.signatureDefs = [signature]
    facts = {"shape": [1, 4], "dtype": "int8", "scale": 0.25, "zero_point": -3}
    assert metadata.signatures(flatbuffer.pack(model)) == {"decode": {"inputs": {"z": facts}, "outputs": {"z": facts}}}


def test_embedded_facts_come_back_and_the_file_runs(decoder_file: bytes) -> None:
    z = np.array([[0.5, -1.5]], np.float32)
    described = metadata.embed(decoder_file, FACTS)
    assert metadata.read(described) == FACTS
    assert metadata.signatures(described) == metadata.signatures(decoder_file)
    np.testing.assert_array_equal(decode(described, z), decode(decoder_file, z))


def test_embedding_again_replaces(decoder_file: bytes) -> None:
    once = metadata.embed(decoder_file, FACTS)
    assert metadata.embed(metadata.embed(decoder_file, {"a": 1}), FACTS) == once
    assert metadata.embed(once, FACTS) == once


def test_buffers_are_aligned(decoder_file: bytes) -> None:
    described = metadata.embed(decoder_file, FACTS)
    model = schema.Model.GetRootAs(described, 0)
    begins = []
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if not buffer.DataIsNone():
            begins.append(buffer._tab.Vector(flatbuffers.number_types.UOffsetTFlags.py_type(buffer._tab.Offset(4))))
    assert len(begins) > 3
    assert not [begin for begin in begins if begin % 16]


def test_a_file_without_facts(decoder_file: bytes) -> None:
    with pytest.raises(UserError, match="no metadata named 'tfvae'"):
        metadata.read(decoder_file)


def test_facts_must_be_json(decoder_file: bytes) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        metadata.embed(decoder_file, {"psnr": float("inf")})
