"""A decoder in all its forms: the Keras model, the SavedModel and the TFLite files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from tfvae import VAE, likelihoods, networks, presets
from tfvae.errors import UserError
from tfvae.export import latents, quantization, saved_model, tflite
from tfvae.latent import priors
from tfvae.runs import keras_files
from tfvae.runs.saved import load

KINDS = ("float32", "float16", "dynamic", "int8")
SHAPES = {"mnist-2d": (28, 28, 1), "mnist-conv": (28, 28, 1), "cifar10-resnet": (32, 32, 3)}


@dataclass(frozen=True)
class Subject:
    """One decoder.

    Attributes:
      name: the preset's or the run's.
      trained: whether it is trained; else it has initial weights.
      vae: the Keras model.
      saved_model: the folder.
      files: TFLite files by kind.
    """

    name: str
    trained: bool
    vae: VAE
    saved_model: Path
    files: dict[str, bytes]

    def sizes(self) -> dict[str, int]:
        """Size of each form on disk, in bytes."""
        folder = sum(path.stat().st_size for path in self.saved_model.rglob("*") if path.is_file())
        return {"SavedModel": folder, **{kind: len(data) for kind, data in self.files.items()}}


def of_preset(name: str, batches: Sequence[int], folder: Path) -> Subject:
    """The decoder of a preset with initial weights, exported; one file has all batch sizes."""
    config = presets.load(name)
    keras.utils.set_random_seed(config.seed)
    likelihood = likelihoods.from_settings(config.likelihood)
    encoder, decoder = networks.build(config.network, SHAPES[name], likelihood.parameters)
    vae = VAE(encoder, decoder, priors.from_settings(config.prior, tuple(decoder.input_shape[1:])), likelihood)
    saved_model.write(vae, folder / name)
    float32 = tflite.decoder(vae, batches)
    images = vae.decode(latents.prior(vae, 256, seed=0)).numpy()
    calibration = latents.calibration(vae, images, seed=1)
    files = {"float32": float32}
    for kind in KINDS[1:]:
        files[kind] = quantization.quantize(kind, float32, calibration, spread=1.0).data  # of images in [0, 1]
    return Subject(name, False, vae, folder / name, files)


def of_run(folder: Path) -> Subject:
    """The decoder of a run's newest version, with the files that it has.

    Raises:
      UserError: the folder has no finished run, or the run was not exported.
    """
    vae = keras_files.to_float32(load(folder))
    exported = folder / "export"
    versions = [int(path.name) for path in exported.glob("*") if path.name.isdecimal()]
    if not versions:
        raise UserError(f"--run {folder}: nothing in it was exported yet; python -m tfvae.export {folder} does it.")
    newest = exported / str(max(versions))
    paths = {kind: newest / tflite.FILES[kind] for kind in KINDS}
    files = {kind: path.read_bytes() for kind, path in paths.items() if path.is_file()}
    name = f"{folder.resolve().name}, version {newest.name}"
    return Subject(name, True, vae, newest / saved_model.FOLDER, files)
