"""Inputs that a user might have by mistake: settings, tables, arrays and image files, mostly almost right."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from tfvae import catalog
from tfvae.config import sections

# Settings that would make a run long, use other machines or the network, or write a profile, stay as they are.
FIXED = {"epochs", "strategy", "replicas", "dir", "steps_per_call", "profile", "sample_every", "checkpoint_minutes"}
NETWORKS = {"digits", "blobs", "csv", "npz", "images", "shards"}


def settings():
    """Every setting of every choice, as `section.key`."""
    found = []
    for section, kind in sections().items():
        kinds = [catalog.settings(section, name) for name in catalog.names(section)] if section in catalog.KINDS else []
        fields = {field.name for each in [kind, *kinds] for field in dataclasses.fields(each)}
        found += [f"{section}.{name}" for name in sorted(fields - FIXED - {"name"})]
    return found


words = st.sampled_from(
    [
        "",
        "null",
        "~",
        "on",
        "off",
        "true",
        "none",
        "auto",
        "label",
        "inf",
        "nan",
        "-1",
        "0",
        "0.5",
        "1",
        "2",
        "3",
        "1e-3",
    ]
    + ["[]", "[2]", "[4, 4]", "[[1]]", "[[1, 0.5], [0.5, 1]]", "[[1, 2], [2, 1]]", "{a: 1}", "{}", "[", "{", "&a [*a]"]
    + ["2024-01-05", "2026-99-99", "photos #2", "x.csv", "missing/x.npz", ".", "/", "!!set {a}", "!!python/none x"]
    + ["standard", "diagonal", "correlated", "conditional", "bernoulli", "gaussian", "laplace", "mlp", "conv", "resnet"]
    + ["linear", "cyclical", "sigmoid", "adam", "sgd", "float32", "float64", "mixed_float16", "mixed_bfloat16"]
    + ["min-max", "z-score", "unit", "threshold", "dynamic", "os:system", "no.such:Thing", "é", "\x00", "'", '"x"']
)
numbers = st.one_of(st.integers(-3, 12), st.floats(-2, 2)).map(str)
values = st.one_of(words, numbers, st.text(max_size=6))
names = st.one_of(
    *(
        st.sampled_from(catalog.names(section)).map(f"{section}.name={{}}".format)
        for section in catalog.KINDS
        if section != "data"
    ),
    st.sampled_from(sorted(NETWORKS)).map("data.name={}".format),
)
assignments = st.lists(
    st.one_of(
        names,
        st.builds("{}={}".format, st.sampled_from(settings()), values),
        st.builds("{}={}".format, st.text(max_size=12), values),
    ),
    min_size=1,
    max_size=4,
)

cells = st.one_of(
    st.floats(-1e3, 1e3).map(str),
    st.integers(-9, 9).map(str),
    st.sampled_from(["", "nan", "inf", "1e400", "a", "b", "1,5", '"', "é", "NO", "1_000", "0x1F", " 2 ", "-", "\x00"]),
)


@st.composite
def tables(draw):
    """The bytes of a CSV file; often rectangular and numeric."""
    columns, rows = draw(st.integers(1, 4)), draw(st.integers(0, 40))
    header = draw(st.lists(st.one_of(st.text(max_size=3), st.sampled_from("abc")), min_size=columns, max_size=columns))
    if draw(st.booleans()):
        header = [f"c{i}" for i in range(columns)]
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    body = [[f"{value:.3f}" for value in row] for row in generator.normal(size=(rows, columns))]
    for _ in range(draw(st.integers(0, 3)) if rows else 0):
        row = draw(st.integers(0, rows - 1))
        body[row][draw(st.integers(0, columns - 1)) % max(len(body[row]), 1)] = draw(cells)
        if draw(st.integers(0, 5)) == 0:
            body[row] = body[row][:-1] or [""]
    end = draw(st.sampled_from(["\n", "\r\n", "\n\n", "\r"]))
    text = end.join(",".join(row) for row in [header, *body]) + draw(st.sampled_from(["", end, end * 3]))
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"])), "replace")
    return damaged(draw, data)


@st.composite
def archives(draw):
    """The bytes of an npz file."""
    kinds = ["float32", "float64", "uint8", "int64", "bool", "float16", "complex64", "U3", "O", ">f4", "datetime64[D]"]
    shapes = [(), (0,), (0, 2), (1, 2), (3,), (12, 2), (40, 3), (30, 8, 8), (30, 8, 8, 1), (12, 3, 2, 8), (20, 0)]
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    arrays = {}
    for name in draw(
        st.lists(st.sampled_from(["x", "x_train", "x_test", "x_val", "y", "y_train", "y_test", "z"]), max_size=4)
    ):
        shape = draw(st.sampled_from(shapes))
        array = generator.normal(size=shape) * draw(st.sampled_from([0.0, 1.0, 200.0, 1e30]))
        if array.size and draw(st.integers(0, 4)) == 0:
            array.flat[0] = draw(st.sampled_from([np.nan, np.inf, -1.0]))
        with np.errstate(all="ignore"):
            kind = draw(st.sampled_from(kinds))
            arrays[name] = array.astype("int64").astype(kind) if "datetime" in kind else array.astype(kind)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return damaged(draw, file.getvalue())


@st.composite
def pictures(draw):
    """The bytes of an image file, and its extension."""
    mode = draw(st.sampled_from(["L", "RGB", "RGBA", "P", "1", "I;16", "CMYK", "LA", "F"]))
    size = draw(st.sampled_from([(8, 8), (12, 9), (1, 1), (40, 8), (3, 30)]))
    kind = draw(st.sampled_from(["PNG", "JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP"]))
    file = io.BytesIO()
    try:
        Image.new(mode, size, draw(st.integers(0, 255)) if mode in ("L", "I;16") else 0).save(file, kind)
    except (OSError, ValueError, KeyError):  # the format does not have this mode
        Image.new("RGB", size).save(file, kind)
    extension = draw(st.sampled_from([kind.lower(), kind.lower(), "png", "jpg", "txt"]))
    return damaged(draw, file.getvalue()), extension


def damaged(draw, data):
    """The bytes, or a part of them, or with a few of them changed."""
    how = draw(st.integers(0, 7))
    if how == 0:
        return data[: draw(st.integers(0, len(data)))]
    if how == 1 and data:
        found = bytearray(data)
        for _ in range(draw(st.integers(1, 5))):
            found[draw(st.integers(0, len(found) - 1))] = draw(st.integers(0, 255))
        return bytes(found)
    return draw(st.binary(max_size=60)) if how == 2 else data
