"""TFLite files as objects: reads them, lists their operations, and packs them with the required alignment."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import flatbuffers
import numpy as np

from tfvae.errors import UserError

_ALIGNMENT = 16  # of a buffer, required by the TFLite schema


def package(name: str) -> ModuleType:
    """A module of an optional package.

    Raises:
      UserError: it is not installed; the message names the extra that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = name.split(".")[0].replace("_", "-")
        raise UserError(
            f'TFLite: the package {missing} is missing ({error}); install it with: pip install "tfvae[edge]"'
        ) from error


def read(data: bytes) -> Any:
    """The file as a `ModelT` of the TFLite schema, with every buffer in its place."""
    model = package("ai_edge_litert.tools.flatbuffer_utils").read_model_from_bytearray(data)
    for buffer in model.buffers:
        # Buffers outside the table, which the quantizer writes, are read as a slice of the file.
        if buffer.data is not None and not isinstance(buffer.data, np.ndarray):
            buffer.data = np.frombuffer(buffer.data, np.uint8)
    return model


def pack(model: Any) -> bytes:
    """The bytes of a `ModelT`."""
    builder = _AlignedBuilder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def operations(data: bytes) -> set[str]:
    """Names of the operations of all subgraphs: builtin ones in capitals, others by their own names."""
    model = read(data)
    names = operation_names(model)
    return {names[operator.opcodeIndex] for graph in model.subgraphs for operator in graph.operators}


def operation_names(model: Any) -> list[str]:
    """The name of each operation of a `ModelT`, in the order of its operator codes."""
    builtin = vars(package("ai_edge_litert.schema_py_generated").BuiltinOperator)
    by_code = {code: name for name, code in builtin.items() if not name.startswith("_")}
    return [
        operation.customCode.decode()
        if operation.customCode
        else by_code[max(operation.builtinCode, operation.deprecatedBuiltinCode)]
        for operation in model.operatorCodes
    ]


class _AlignedBuilder(flatbuffers.Builder):
    """Aligns byte vectors to multiples of 16, which the generated Python code does not do."""

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802 - the name that generated code calls
        if x.dtype == np.uint8:
            self.Prep(_ALIGNMENT, x.nbytes)
        return super().CreateNumpyVector(x)
