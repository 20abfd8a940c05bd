"""`tfvae.data.scaling`."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import scaling
from tfvae.data.scaling import Scaling
from tfvae.errors import UserError

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=[50, 3]) * [1.0, 100.0, 1e-3] + [0.0, 1.7e9, 5.0]


@pytest.mark.parametrize("kind", ["none", "min-max", "z-score"])
def test_inverse_gives_the_users_units_back(kind):
    fitted = scaling.fit(kind, TABLE)
    back = fitted.inverse(fitted.forward(TABLE).astype(np.float64))
    spread = np.ptp(TABLE, axis=0) if kind != "none" else np.abs(TABLE).max(axis=0)
    assert (np.abs(back - TABLE) <= 2e-7 * spread * 4).all()


@pytest.mark.parametrize("kind", ["none", "unit", "min-max", "z-score"])
def test_every_byte_comes_back(kind):
    x = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    fitted = scaling.fit(kind, x)
    back = fitted.inverse(fitted.forward(x))
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("x", [TABLE, np.arange(200, dtype=np.uint8).reshape(50, 4)], ids=["float", "uint8"])
@pytest.mark.parametrize("kind", scaling.KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensor_and_array_agree(kind, x, dtype):
    if kind == "unit" and x is TABLE:
        x = np.abs(RNG.normal(size=[50, 3])) * 20
    fitted = scaling.fit(kind, x)
    tensor = tf.function(lambda raw: fitted.forward(raw, dtype))(tf.constant(x))
    assert tensor.dtype == dtype
    # The graph multiplies by a reciprocal where NumPy divides.
    tolerance = 2 * np.finfo(dtype).eps
    np.testing.assert_allclose(tensor.numpy(), fitted.forward(x, dtype), rtol=tolerance, atol=tolerance)


def test_model_units():
    z = scaling.fit("z-score", TABLE).forward(TABLE, "float64")
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=1e-6)
    m = scaling.fit("min-max", TABLE).forward(TABLE)
    np.testing.assert_array_equal(m.min(axis=0), 0)
    np.testing.assert_array_equal(m.max(axis=0), 1)
    image = RNG.normal(size=[5, 4, 4, 1])
    assert scaling.fit("min-max", image).factor.shape == ()


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (np.array([[0], [255]], np.uint8), "unit"),
        (np.array([[0], [1]], np.uint8), "min-max"),
        (np.array([[0], [16]], np.uint8), "min-max"),
        (np.array([[0.0], [1.0]]), "none"),
        (np.array([[0.0], [1.1]]), "min-max"),
        (np.array([[-0.1], [1.0]]), "min-max"),
        (np.array([[0], [1]], np.int64), "min-max"),
    ],
)
def test_auto(x, kind):
    assert scaling.fit("auto", x).kind == kind


@pytest.mark.parametrize("kind", ["min-max", "z-score"])
@pytest.mark.parametrize("value", [0.0, 0.1, -3e8, 1e300])
def test_a_constant_column_becomes_zero_and_comes_back(kind, value):
    x = np.stack([np.full(7, value), np.arange(7.0)], axis=1)
    fitted = scaling.fit(kind, x)
    model = fitted.forward(x)
    np.testing.assert_array_equal(model[:, 0], 0)
    np.testing.assert_array_equal(fitted.inverse(model)[:, 0], value)


def test_a_spread_whose_square_underflows():
    model = scaling.fit("z-score", np.array([[0.0], [1e-300]])).forward(np.array([[0.0], [1e-300]]))
    assert np.isfinite(model).all()
    assert model[0] != model[1]


def test_digits_have_their_own_maximum():
    fitted = scaling.fit("unit", np.array([[0], [16]], np.uint8), unit_maximum=16.0)
    assert fitted.forward(np.array([[8]], np.uint8)) == 0.5
    assert fitted.inverse(np.array([[1.5]])) == 16


@pytest.mark.parametrize("kind", scaling.KINDS)
def test_round_trip_through_json(kind):
    x = np.abs(TABLE) / 1e8
    fitted = scaling.fit(kind, x)
    again = Scaling.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again.to_dict() == fitted.to_dict()
    np.testing.assert_array_equal(again.forward(x), fitted.forward(x))


def test_identity():
    assert Scaling.identity().kind == "none"
    np.testing.assert_array_equal(Scaling.identity().inverse(TABLE), TABLE)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "cubic"}, "cubic"),
        ({"factor": 0.0}, "must be positive"),
        ({"factor": [1.0, float("nan")]}, "finite"),
        ({"offset": "text"}, "cannot be read"),
        ({"integer": "yes"}, "yes"),
    ],
)
def test_what_is_no_scaling_is_refused(change, said):
    with pytest.raises(UserError, match=said):
        Scaling.from_dict({**Scaling.identity().to_dict(), **change})


def test_missing_key_is_refused():
    with pytest.raises(UserError, match="factor"):
        Scaling.from_dict({"kind": "none", "offset": 0.0, "integer": False})


def test_values_that_do_not_suit_are_refused():
    with pytest.raises(UserError, match="-1 to 3"):
        scaling.fit("unit", np.array([[-1.0], [3.0]]))
    with pytest.raises(UserError, match="overflow"):
        scaling.fit("min-max", np.array([[-1.7e308], [1.7e308]]))
