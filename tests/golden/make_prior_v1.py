"""Writes prior_v1.json: z = m + L eps over the last axis, in NumPy float64; shares no code with tfvae.

Run it from the root of the repository: python tests/golden/make_prior_v1.py
"""

import json
import pathlib

import numpy as np


def case(name, kind, grid, mean, scale_tril, count=3):
    mean, scale_tril = (np.asarray(value, np.float32) for value in (mean, scale_tril))
    shape = (*grid, len(mean))
    eps = np.random.default_rng(len(name)).normal(size=(count, *shape)).astype(np.float32)
    z = mean.astype(np.float64) + eps.astype(np.float64) @ scale_tril.astype(np.float64).T
    # As decoder.json has it: the shortest decimals of float32, rows of the lower triangle.
    rows = [[float(str(value)) for value in row[: i + 1]] for i, row in enumerate(scale_tril)]
    prior = {"kind": kind, "mean": [float(str(value)) for value in mean], "scale_tril": rows}
    return {"name": name, "latent_shape": list(shape), "prior": prior, "eps": eps.tolist(), "z": z.tolist()}


def main():
    factor = [[1.2, 0.0, 0.0], [0.5, 0.8, 0.0], [-0.3, 0.1, 2.5]]
    cases = [
        case("standard", "standard", (), [0, 0, 0], np.eye(3)),
        case("diagonal", "diagonal", (), [0.5, -10.0, 0.1], np.diag([2.0, 0.5, 0.01])),
        case("correlated", "cholesky", (), [0.1, -0.2, 0.3], factor),
        case("standard on a grid", "standard", (2, 3), [0, 0], np.eye(2)),
        case("diagonal on a grid", "diagonal", (2, 2), [0.5, -1.0], np.diag([2.0, 0.5])),
        case("correlated on a grid", "cholesky", (2, 2), [0.1, -0.2, 0.3], factor, count=2),
    ]
    target = pathlib.Path(__file__).with_name("prior_v1.json")
    lines = ",\n".join(json.dumps(item) for item in cases)
    target.write_text(f'{{"version": 1, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
