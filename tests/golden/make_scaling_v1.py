"""Writes scaling_v1.json: x = model * factor + offset in NumPy float64, rounded and clipped; shares no code with tfvae.

Run it from the root of the repository: python tests/golden/make_scaling_v1.py
"""

import json
import pathlib

import numpy as np


def case(name, kind, offset, factor, integer, model):
    model = np.asarray(model, np.float32)
    user = model.astype(np.float64)
    if kind != "none":
        user = user * np.asarray(factor, np.float64) + np.asarray(offset, np.float64)
    if integer:
        # np.rint rounds halves to even.
        user = np.clip(np.rint(user), 0, factor if kind == "unit" else 255)
    scaling = {"kind": kind, "offset": offset, "factor": factor, "integer": integer}
    return {"name": name, "scaling": scaling, "model": model.tolist(), "user": user.tolist()}


def main():
    means = [[-0.5, -0.001, 0.0], [0.25, 0.498, 0.5], [0.75, 1.0, 1.5]]
    columns = [[-2.5, 0.0, 1.0], [0.3, -0.7, 2.0]]
    cases = [
        case("none", "none", 0.0, 1.0, False, means),
        case("none, whole numbers", "none", 0.0, 1.0, True, [[-3.0, 0.5, 1.5], [2.5, 254.5, 300.0]]),
        case("unit", "unit", 0.0, 4.0, False, means),
        case("unit, whole numbers", "unit", 0.0, 255.0, True, means),
        # 2.5 and 3.5 of 16 go to 2 and 4.
        case("unit, halves", "unit", 0.0, 16.0, True, [[0.03125, 0.09375, 0.15625], [0.21875, -0.09375, 1.03125]]),
        case("min-max", "min-max", -3.0, 10.0, False, means),
        case("min-max, whole numbers", "min-max", 7.0, 200.0, True, means),
        case("min-max, large offset", "min-max", 1e9, 0.5, False, means),
        case("min-max by column", "min-max", [1.7e9, 0.0, -1e-3], [3600.0, 1.0, 1e-6], False, columns),
        case("z-score", "z-score", 40.0, 12.5, False, columns),
        case("z-score, whole numbers", "z-score", 127.25, 30.0, True, columns),
        case("z-score by column", "z-score", [50.0, -0.25, 1e6], [1.0, 0.125, 1e3], False, columns),
    ]
    target = pathlib.Path(__file__).with_name("scaling_v1.json")
    lines = ",\n".join(json.dumps(item) for item in cases)
    target.write_text(f'{{"version": 1, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
