"""Writes noise_v1.json from the specification, in Python integers and NumPy float32: shares no code with tfvae.

Run it from the root of the repository: python tests/golden/make_noise_v1.py
"""

import json
import pathlib

import numpy as np

MASK = 0xFFFFFFFF


def philox(counter, key):
    counter, key = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [
            (second >> 32) ^ counter[1] ^ key[0],
            second & MASK,
            (first >> 32) ^ counter[3] ^ key[1],
            first & MASK,
        ]
        key = [(key[0] + 0x9E3779B9) & MASK, (key[1] + 0xBB67AE85) & MASK]
    return counter


def group(seed, purpose, step, sample, c0):
    c1 = purpose * 2**56 + step * 2**16 + sample
    return philox([c0 & MASK, c0 >> 32, c1 & MASK, c1 >> 32], [seed & MASK, seed >> 32])


def uniform(word):
    return np.uint32((word & 0x7FFFFF) | 0x3F800000).view(np.float32) - np.float32(1)


def normals(four, dtype):
    out = []
    for a, b in (four[0:2], four[2:4]):
        u = dtype(np.maximum(uniform(a), np.float32(1e-7)))
        v = dtype(np.float32(2 * np.pi) * uniform(b))
        r = np.sqrt(dtype(-2) * np.log(u))
        out += [float(r * np.sin(v)), float(r * np.cos(v))]
    return out


def row(name, *, seed, purpose, step, sample, example, width, count):
    words, narrow, wide = [], [], []
    for element in range(count):
        p = example * width + element
        four = group(seed, purpose, step, sample, p // 4)
        words.append(four[p % 4])
        narrow.append(normals(four, np.float32)[p % 4])
        wide.append(normals(four, np.float64)[p % 4])
    address = dict(name=name, seed=seed, purpose=purpose, step=step, sample=sample, example=example, width=width)
    return {**address, "words": words, "normals": narrow, "normals_float64": wide}


def main():
    # Random123's known answers for philox4x32-10.
    assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox([MASK] * 4, [MASK] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    base = dict(seed=0, purpose=0, step=0, sample=0, example=0, width=8, count=8)
    rows = [row("origin", **base)]
    rows += [row(f"purpose {p}", **{**base, "purpose": p, "seed": 42, "example": 3}) for p in range(7)]
    rows += [
        row("user purpose", **{**base, "purpose": 255}),
        row("largest seed", **{**base, "seed": 2**63 - 1, "purpose": 1}),
        row("seed past 32 bits", **{**base, "seed": 2**40 + 12345}),
        row("largest step", **{**base, "purpose": 1, "step": 2**40 - 1}),
        row("sample 65535", **{**base, "purpose": 2, "sample": 65535}),
        row("width 3", **{**base, "purpose": 1, "step": 7, "example": 5, "width": 3, "count": 9}),
        row("width 1", **{**base, "purpose": 1, "step": 7, "example": 6, "width": 1, "count": 5}),
        row("width 257", **{**base, "purpose": 1, "step": 11, "example": 129, "width": 257, "count": 10}),
        row("past 2^33", **{**base, "purpose": 2, "example": 2**30 + 1, "width": 9, "count": 9}),
        row("past 2^40", **{**base, "purpose": 2, "example": 2**31 + 3, "width": 1023, "count": 6}),
    ]
    rows += [row("purpose 7, labels", **{**base, "purpose": 7, "seed": 42, "example": 3, "width": 1})]
    rows += [
        row(f"level {level}, row {p}", **{**base, "purpose": 8 + 4 * level + p, "seed": 7, "step": 3 * (p == 1)})
        for level in (1, 12)
        for p in range(3)
    ]
    target = pathlib.Path(__file__).with_name("noise_v1.json")
    lines = ",\n".join(json.dumps(item) for item in rows)
    target.write_text(f'{{"noise_version": 1, "rows": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
