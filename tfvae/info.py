"""`python -m tfvae.info`: the installed versions, the devices, and the latent implementation in use."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import tfvae
from tfvae import presets
from tfvae.command import guarded, parsed

_DESCRIPTION = """\
Prints versions, platform, devices, how TensorFlow was built, which implementation of the latent op `auto` selects and
why, how its compiled library was built, the version of the noise, and the presets.
Include the output in bug reports.

example:
  python -m tfvae.info

exit status: 0, or 2 with a one-sentence error.
"""
_PACKAGES = {
    "TensorFlow": "tensorflow",
    "Keras": "keras",
    "TFP": "tensorflow-probability",
    "NumPy": "numpy",
    "LiteRT": "ai-edge-litert",
    "quantizer": "litert-quantizer",
}


def main(arguments: list[str] | None = None) -> int:
    """Prints one line per fact; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tfvae.info", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options = parsed(parser, arguments)
    return guarded(_print, options.debug)


def facts() -> dict[str, str]:
    """The facts that the command prints, by name."""
    from tfvae.quiet import quiet_start

    with quiet_start():
        import tensorflow as tf

        from tfvae import native, noise
        from tfvae.latent import resolve

        devices = tf.config.list_physical_devices()
        names = [_device(tf, device) for device in devices]
        implementation, reason = resolve("auto")
    return {
        "tfvae": f"{tfvae.__version__}, in {Path(tfvae.__file__).parent}",
        **{name: _version(package) for name, package in _PACKAGES.items()},
        "Python": f"{platform.python_version()} ({sys.executable})",
        "platform": f"{platform.platform()}, {os.cpu_count()} CPU cores",
        "devices": ", ".join(names),
        "build": _build(tf.sysconfig.get_build_info()),
        "latent op": f"auto is {implementation}" + (f": {reason}" if reason else ""),
        "library": _library(native.facts()),
        "noise version": str(noise.NOISE_VERSION),
        "presets": ", ".join(presets.names()),
    }


def _print() -> None:
    for name, value in facts().items():
        print(f"{name:<15} {value}")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _device(tf: Any, device: Any) -> str:
    short = device.name.removeprefix("/physical_device:")
    if device.device_type != "GPU":
        return short
    return f"{short} {tf.config.experimental.get_device_details(device).get('device_name', '')}".strip()


def _build(info: Any) -> str:
    if not info.get("is_cuda_build"):
        return "TensorFlow without CUDA"
    capabilities = ", ".join(info.get("cuda_compute_capabilities", []))
    return (
        f"TensorFlow with CUDA {info.get('cuda_version', 'unknown')}, cuDNN {info.get('cudnn_version', 'unknown')}, "
        f"for {capabilities}"
    )


def _library(built: dict[str, Any]) -> str:
    if not built:
        return "not built"
    cuda = f"CUDA {built['cuda']} for {', '.join(built['architectures'])}" if built["cuda"] else "no CUDA"
    commit = f", commit {built['commit']}" if built["commit"] else ""
    return (
        f"tfvae {built['tfvae']} for TensorFlow {built['tensorflow']}, {cuda}, by {built['compiler']} under Python "
        f"{built['python']}{commit}"
    )


if __name__ == "__main__":
    sys.exit(main())
