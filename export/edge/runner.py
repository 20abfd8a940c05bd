"""Samples, decodes and scores with an exported version. A single file to copy; it needs only ai-edge-litert and NumPy.

    python runner.py FOLDER sample --n 4 --seed 0 --out samples.npy
    python runner.py FOLDER sample --n 4 --seed 0 --y cat
    python runner.py FOLDER decode z.npy --file decoder_int8.tflite --out means.npy
    python runner.py FOLDER score x.npy --seed 0

FOLDER has decoder.json and the tflite files to use. A seed gives the same z as in `VAE.sample`, the SavedModel,
generator.tflite and C++: tfvae's noise, version 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

PRIOR, EVALUATION = 0, 2  # purposes of the noise
_LOW = 0xFFFFFFFF


def words(seed: int, c0: np.ndarray, c1: int) -> np.ndarray:
    """The words of Philox4x32-10 at the counters (c0, c1), uint32 `[len(c0), 4]`, for c0 uint64 and the key `seed`."""
    key = [seed & _LOW, seed >> 32]
    state = [c0 & _LOW, c0 >> 32, np.full_like(c0, c1 & _LOW), np.full_like(c0, c1 >> 32)]
    for _ in range(10):
        first, second = state[0] * 0xD2511F53, state[2] * 0xCD9E8D57
        state = [second >> 32 ^ state[1] ^ key[0], second & _LOW, first >> 32 ^ state[3] ^ key[1], first & _LOW]
        key = [key[0] + 0x9E3779B9 & _LOW, key[1] + 0xBB67AE85 & _LOW]
    return np.stack(state, axis=1).astype(np.uint32)


def normals(
    seed: int, purpose: int, first_example: int, count: int, width: int, step: int = 0, sample: int = 0
) -> np.ndarray:
    """Standard normals, float32 `[count, width]`, for the examples from `first_example` on (Box and Muller, 1958)."""
    begin, size = first_example * width, count * width
    c0 = np.uint64(begin // 4) + np.arange((begin % 4 + size + 3) // 4, dtype=np.uint64)
    four = words(seed, c0, (purpose << 56) + (step << 16) + sample)
    uniform = (four & 0x7FFFFF | 0x3F800000).view(np.float32) - np.float32(1)
    radius = np.sqrt(np.float32(-2) * np.log(np.maximum(uniform[:, ::2], np.float32(1e-7))))
    angle = np.float32(2 * np.pi) * uniform[:, 1::2]
    pairs = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=-1)
    return pairs.ravel()[begin % 4 :][:size].reshape(count, width)


def from_noise(prior: dict[str, Any], eps: np.ndarray) -> np.ndarray:
    """z = m + L eps over the last axis, float32, for the Gaussian `prior` of decoder.json."""
    mean = np.array(prior["mean"], np.float64)
    scale_tril = np.zeros((len(mean), len(mean)))
    for row, values in enumerate(prior["scale_tril"]):
        scale_tril[row, : row + 1] = values
    return (mean + eps @ scale_tril.T).astype(np.float32)


def to_user_units(scaling: dict[str, Any], mean: np.ndarray) -> np.ndarray:
    """From model units to the user's: uint8 or uint16 if those are integers, float64 if they are scaled."""
    factor, offset = np.array(scaling["factor"], np.float64), np.array(scaling["offset"], np.float64)
    x = mean if scaling["kind"] == "none" else mean.astype(np.float64) * factor + offset
    if not scaling["integer"]:
        return x
    largest = factor if scaling["kind"] == "unit" else 255
    return np.clip(np.rint(x), 0, largest).astype(np.uint8 if largest <= 255 else np.uint16)


def to_model_units(scaling: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """From the user's units to model units, float32."""
    if scaling["kind"] == "none":
        return x.astype(np.float32)
    # As in tfvae: bytes in float32, everything else in float64, so that a large offset loses no digits.
    work: Any = np.float32 if scaling["kind"] == "unit" and scaling["integer"] else np.float64
    factor, offset = np.array(scaling["factor"], work), np.array(scaling["offset"], work)
    return ((x.astype(work) - offset) / factor).astype(np.float32)


def condition_rows(condition: dict[str, Any] | None, y: Any, n: int) -> np.ndarray | None:
    """y in the form that the files need, float32 `[n, C]`; None if the model has no condition.

    Args:
      condition: from decoder.json.
      y: one for each example, or one for all: a label by name or number (-1: none), or C numbers.
      n: number of examples.
    """
    if condition is None:
        if y is not None:
            raise ValueError("y: the model is not conditional; leave y out.")
        return None
    names = condition["names"]
    if y is None:
        raise ValueError(f"y: the model is conditioned on {condition['kind']} {', '.join(names)}; pass y.")
    y, size, labelled = np.asarray(y), len(names), condition["kind"] == "label"
    # As in tfvae: C numbers that are not whole are a row for all, also where there are C examples.
    row = y.shape == (size,) and y.dtype.kind == "f" and not (y == np.rint(y)).all()
    if labelled and size > 1 and y.shape == (n, 1):
        y = y[:, 0]
    if labelled and y.shape in ((), (n,)) and not row:
        labels = [_label(names, label) for label in np.broadcast_to(y, n).tolist()]
        return np.vstack([np.eye(size, dtype=np.float32), np.zeros((1, size), np.float32)])[labels]
    shapes = [(size,), (1, size), (n, size)]
    if size == 1:
        y, shapes = (y[:, None] if y.shape == (n,) else y), [*shapes, ()]
    if y.shape not in shapes or y.dtype.kind not in "biuf" or not np.isfinite(y).all():
        expected = f"finite numbers of shape [{n}, {size}]"
        raise ValueError(f"y: got {y.dtype} of shape {list(y.shape)}, expected {expected}.")
    rows = np.broadcast_to(y, (n, size)).astype(np.float32)
    if labelled and (rows.min(initial=0) < 0 or rows.sum(axis=1).max(initial=0) > 1 + size * np.finfo(np.float32).eps):
        raise ValueError("y: expected rows without negative numbers and with sums of at most 1.")
    return rows


def _label(names: list[str], label: Any) -> int:
    """The number of a label; a string may be a name or a number."""
    if label in names:
        return names.index(label)
    if isinstance(label, bool) or (isinstance(label, float) and label.is_integer()):
        label = int(label)
    if re.fullmatch("-?[0-9]+", str(label)) and -1 <= int(label) < len(names):
        return int(label)
    raise ValueError(f"y: got {label!r}, expected one of {', '.join(names)}, or a number up to {len(names) - 1}.")


class Runner:
    """The files of one exported version; each is opened, and its sha256 verified, when it is first used.

    Args:
      folder: contains decoder.json and the files.
      file: the decoder, such as "decoder_int8.tflite".
      num_threads: of each interpreter; None: LiteRT's default.

    Raises:
      ValueError: decoder.json is missing or has another format; in the methods, a file or an input is invalid.

    Example:
      x, z = Runner("export/3", "decoder_dynamic.tflite").sample(4, seed=0)
    """

    def __init__(self, folder: str | Path, file: str = "decoder.tflite", num_threads: int | None = None) -> None:
        self.folder, self.file, self.num_threads = Path(folder), file, num_threads
        self.description = json.loads(self._bytes("decoder.json"))
        version = self.description.get("format"), self.description.get("noise_version")
        if version != (1, 1):
            raise ValueError(
                f"decoder.json: got format and noise version {version}, expected (1, 1); use the runner of its tfvae."
            )
        self.latent_shape = tuple(self.description.get("latent_shape", [self.description["latent_dim"]]))
        self.event_shape = tuple(self.description["event_shape"])
        self._opened: dict[tuple[str, str], dict[int, _Signature]] = {}

    def sample(self, n: int, seed: int, y: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """x `[n, *event]` in the user's units, and its z `[n, *latent]`, float32, a draw from the prior.

        Args:
          n: number of samples.
          seed: of the noise; sample i has the noise of example i.
          y: for a conditional model; see `condition_rows`.
        """
        n, seed = _whole("n", n, 1), _whole("seed", seed, 0)
        rows, prior = self._condition(y, n), self.description["prior"]
        if prior is None:
            raise ValueError("decoder.json: its prior cannot be drawn from noise; only decode and score work.")
        if prior["kind"] == "signature":
            z = self._run(self.file, "prior", {"eps": _noise(seed, PRIOR, n, prior["noise_shape"]), "y": rows})["z"]
        else:
            z = from_noise(prior, _noise(seed, PRIOR, n, self.latent_shape))
        return self.user_units(self.decode(z, rows)), z

    def decode(self, z: Any, y: Any = None) -> np.ndarray:
        """The mean of p(x|z) in model units, float32 `[n, *event]`, for z `[n, *latent]`."""
        z = np.asarray(z, np.float32)
        _check_shape("z", z, self.latent_shape)
        return self._run(self.file, "decode", {"z": z, "y": self._condition(y, len(z))})["mean"]

    def score(self, x: Any, seed: int, y: Any = None) -> dict[str, np.ndarray]:
        """`elbo`, `reconstruction` and `kl` of each example, in nats, float32 `[n]`, with scorer.tflite.

        Args:
          x: `[n, *event]`: floats in model units, or integers in the user's units.
          seed: of the posterior noise; row i has the noise of example i.
          y: for a conditional model; see `condition_rows`.
        """
        x, seed = np.asarray(x), _whole("seed", seed, 0)
        _check_shape("x", x, self.event_shape)
        eps = _noise(seed, EVALUATION, len(x), self.latent_shape)
        x = self.model_units(x) if x.dtype.kind in "iu" else x.astype(np.float32)
        inputs = {"x": x, "eps": eps, "y": self._condition(y, len(x))}
        terms = self._run("scorer.tflite", "score_with_noise", inputs)
        return {name: terms[name] for name in ("elbo", "reconstruction", "kl")}

    def user_units(self, mean: np.ndarray) -> np.ndarray:
        """See `to_user_units`."""
        return to_user_units(self.description["scaling"], mean)

    def model_units(self, x: np.ndarray) -> np.ndarray:
        """See `to_model_units`."""
        return to_model_units(self.description["scaling"], x)

    def _condition(self, y: Any, n: int) -> np.ndarray | None:
        return condition_rows(self.description.get("condition"), y, n)

    def _run(self, file: str, signature: str, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
        """Runs any number of examples in the file's static batch sizes; inputs that the signature lacks are ignored."""
        batches = self._batches(file, signature)
        known = next(iter(batches.values())).inputs
        inputs = {name: value for name, value in inputs.items() if name in known}
        n, begin, parts = len(next(iter(inputs.values()))), 0, []
        while begin < n:
            size = max((size for size in batches if size <= n - begin), default=min(batches))
            rows = np.minimum(np.arange(begin, begin + size), n - 1)  # the last batch is padded with the last example
            parts.append(batches[size]({name: value[rows] for name, value in inputs.items()}))
            begin += size
        return {name: np.concatenate([part[name] for part in parts])[:n] for name in parts[0]}

    def _batches(self, file: str, signature: str) -> dict[int, _Signature]:
        """A signature by batch size: `decode`, `decode_32`, …"""
        if (file, signature) not in self._opened:
            content, digest = self._bytes(file), self.description["files"].get(file, {}).get("sha256")
            if hashlib.sha256(content).hexdigest() != digest:
                raise ValueError(
                    f"{self.folder / file}: its sha256 differs from that in decoder.json; copy both from one version."
                )
            interpreter = Interpreter(model_content=content, num_threads=self.num_threads)
            available = list(interpreter.get_signature_list())
            names = [name for name in available if re.fullmatch(rf"{signature}(_\d+)?", name)]
            if not names:
                raise ValueError(f"{file}: has no signature {signature}, only {', '.join(available)}.")
            opened = [_Signature(interpreter, name) for name in names]
            self._opened[file, signature] = {sized.batch: sized for sized in opened}
        return self._opened[file, signature]

    def _bytes(self, file: str) -> bytes:
        try:
            return (self.folder / file).read_bytes()
        except OSError as error:
            raise ValueError(f"{self.folder / file}: cannot be read ({error.strerror}); copy it there.") from error


class _Signature:
    """A signature of a file with one batch size; converts integer inputs and outputs by their scale and zero point."""

    def __init__(self, interpreter: Interpreter, name: str) -> None:
        self._runner = interpreter.get_signature_runner(name)
        self.inputs, self._outputs = self._runner.get_input_details(), self._runner.get_output_details()
        self.batch = int(next(iter(self.inputs.values()))["shape"][0])

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = self._runner(**{name: _quantized(value, self.inputs[name]) for name, value in inputs.items()})
        return {name: _real(value, self._outputs[name]) for name, value in outputs.items()}


def _quantized(value: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    if tensor["dtype"] == np.float32:
        return value
    (scale, zero_point), kind = tensor["quantization"], np.iinfo(tensor["dtype"])
    return np.clip(np.rint(value / scale) + zero_point, kind.min, kind.max).astype(tensor["dtype"])


def _real(value: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    if tensor["dtype"] == np.float32:
        return value
    scale, zero_point = tensor["quantization"]
    return (value.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def _noise(seed: int, purpose: int, count: int, shape: Any) -> np.ndarray:
    """The normals of the first examples, `[count, *shape]`."""
    return normals(seed, purpose, 0, count, int(np.prod(shape))).reshape(count, *shape)


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value < 2**63:
        raise ValueError(f"{name}: got {value!r}, expected an integer from {least} to 2^63 - 1.")
    return int(value)


def _check_shape(name: str, value: np.ndarray, event_shape: tuple[int, ...]) -> None:
    if value.shape[1:] != event_shape or not len(value):
        sizes = ", ".join(map(str, event_shape))
        raise ValueError(f"{name}: got shape {list(value.shape)}, expected [n, {sizes}] with n >= 1.")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Runs the files of an exported version, without TensorFlow.")
    parser.add_argument("folder", help="the folder of the version, with decoder.json")
    parser.add_argument("command", choices=["sample", "decode", "score"])
    parser.add_argument(
        "array", nargs="?", help="z.npy to decode; x.npy to score: floats in model units, integers in user units"
    )
    parser.add_argument("--file", default="decoder.tflite", help="the decoder (default %(default)s)")
    parser.add_argument("--n", type=int, default=1, help="number of samples (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise (default %(default)s)")
    parser.add_argument("--out", default="out.npy", help="output file of sample and decode (default %(default)s)")
    parser.add_argument("--y", help="condition: one label, by name or number, for all examples, or a .npy file of rows")
    options = parser.parse_args(arguments)
    if (options.array is None) != (options.command == "sample"):
        parser.error("decode and score need one .npy file, sample needs none")
    try:
        runner = Runner(options.folder, options.file)
        y = np.load(options.y) if str(options.y).endswith(".npy") else options.y
        if options.command == "score":
            terms = runner.score(np.load(options.array), options.seed, y)
            print("\t".join(terms), *("\t".join(f"{v:.4f}" for v in row) for row in zip(*terms.values())), sep="\n")
            return 0
        if options.command == "sample":
            result, _ = runner.sample(options.n, options.seed, y)
        else:
            result = runner.decode(np.load(options.array), y)
        np.save(options.out, result)
        print(f"{options.out}: {result.dtype} {list(result.shape)}")
    except (OSError, ValueError) as error:
        print(f"runner: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
