"""The description inside a TFLite file: a buffer named "tfvae" with JSON, and the file's signatures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tfvae.errors import UserError
from tfvae.export.flatbuffer import pack, package
from tfvae.export.flatbuffer import read as read_model

NAME = "tfvae"


def signatures(data: bytes) -> dict[str, Any]:
    """The signatures of a TFLite file.

    Returns:
      `{"decode": {"inputs": {"z": {"shape", "dtype", "scale", "zero_point"}}, "outputs": {"mean": {…}}}}`: a tensor
      that is not float32 represents `scale * (value - zero_point)`; for others scale and zero point are 0.
    """
    model = read_model(data)

    def tensors(graph: Any, maps: Any) -> dict[str, Any]:
        return {item.name.decode(): _tensor(graph.tensors[item.tensorIndex]) for item in maps}

    found = {}
    for signature in model.signatureDefs:
        graph = model.subgraphs[signature.subgraphIndex]
        inputs, outputs = tensors(graph, signature.inputs), tensors(graph, signature.outputs)
        found[signature.signatureKey.decode()] = {"inputs": inputs, "outputs": outputs}
    return found


def embed(data: bytes, description: dict[str, Any]) -> bytes:
    """The file with a description embedded, replacing an existing one.

    Args:
      data: a TFLite file.
      description: values that JSON supports.
    """
    schema = package("ai_edge_litert.schema_py_generated")
    model = read_model(data)
    text = json.dumps(description, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    buffer = np.frombuffer(text, np.uint8)
    present = _entry(model)
    if present is None:
        model.metadata = [*(model.metadata or []), schema.MetadataT(NAME.encode(), len(model.buffers))]
        model.buffers.append(schema.BufferT(buffer))
    else:
        model.buffers[present.buffer].data = buffer
    return pack(model)


def read(data: bytes) -> dict[str, Any]:
    """The description that `embed` wrote into a file.

    Raises:
      UserError: the file has no description.
    """
    model = read_model(data)
    entry = _entry(model)
    if entry is None:
        raise UserError(f"TFLite: the file has no metadata named {NAME!r}; use a file written by tfvae.export.")
    description: dict[str, Any] = json.loads(model.buffers[entry.buffer].data.tobytes())
    return description


def _entry(model: Any) -> Any:
    return next((entry for entry in model.metadata or [] if entry.name.decode() == NAME), None)


def _tensor(tensor: Any) -> dict[str, Any]:
    types = vars(package("ai_edge_litert.schema_py_generated").TensorType)
    dtype = next(name.lower() for name, code in types.items() if code == tensor.type)
    scale, zero_point = 0.0, 0
    quantization = tensor.quantization
    if quantization is not None and quantization.scale is not None and len(quantization.scale):
        scale, zero_point = float(quantization.scale[0]), int(quantization.zeroPoint[0])
    return {"shape": [int(size) for size in tensor.shape], "dtype": dtype, "scale": scale, "zero_point": zero_point}
