"""The op on a GPU, compared with a copy there and with the same formula in jitted JAX and under `torch.compile`.

Each framework runs in its own process. A round is several calls and one wait for all, so that launch overhead is not
what is timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from typing import Any

from benchmarks.latent import peers, timing
from benchmarks.latent.process import answer
from tfvae.errors import UserError

FRAMEWORKS = {"tensorflow": peers.tensorflow, "jax": peers.jax, "torch": peers.torch}


def measure(framework: str, device: str, elements: int, calls: int, rounds: int) -> dict[str, Any]:
    """The rows of one framework, or why there are none.

    Args:
      framework: `tensorflow`, `jax` or `torch`.
      device: `gpu`, or `cpu` to test this code without a GPU.
      elements: of z; the latent space has 128 dimensions.
      calls: number of calls per round.
      rounds: number of rounds.
    """
    if importlib.util.find_spec(framework) is None:
        return {"not_run": f"{framework} is not installed"}
    try:
        made = FRAMEWORKS[framework](device, elements // 128, 128, calls)
    except UserError as error:
        return {"not_run": str(error).removesuffix(".")}
    for call in made.rounds.values():
        call(0)
    seconds = timing.interleaved(made.rounds, dict.fromkeys(made.rounds, rounds))
    return {"device": made.device, "rows": [_row(name, seconds[name] / calls, elements) for name in made.rounds]}


def _row(name: str, seconds: Any, elements: int) -> dict[str, Any]:
    moved = bytes_to_move(name.rpartition(": ")[2], elements)
    spread = timing.spread(seconds)
    return {"name": name, "seconds": spread, "bytes": moved, "bytes_per_second": moved / spread["median"]}


def bytes_to_move(mode: str, elements: int) -> int:
    """Bytes that each mode reads and writes, float32; `backward` and its parts as in `Case.bytes_to_move`."""
    kl = elements // 128
    forward, backward = 3 * elements + kl, 5 * elements + kl
    return 4 * {"copy": 2 * elements, "forward": forward, "backward": backward, "both": forward + backward}[mode]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("framework", choices=FRAMEWORKS)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--elements", type=int, default=2**26)
    parser.add_argument("--calls", type=int, default=10, help="calls in a round (default: 10)")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    return answer(lambda: measure(options.framework, options.device, options.elements, options.calls, options.rounds))


if __name__ == "__main__":
    sys.exit(main())
