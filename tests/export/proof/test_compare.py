"""Errors of artificial outputs, without another process."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.tolerance import rounding
from tfvae.data import scaling
from tfvae.data.scaling import Scaling
from tfvae.errors import UserError
from tfvae.export.proof import Evidence, compare
from tfvae.likelihoods import Bernoulli, Gaussian

BYTES = scaling.fit("unit", np.array([[0], [255]], np.uint8))
TALL = scaling.fit("min-max", np.array([[1e6], [1e6 + 10]]))
Found = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def grey(judged: Callable[..., Evidence]) -> Evidence:
    return judged(Bernoulli(), BYTES)


def drawn(evidence: Evidence, count: int) -> np.ndarray:
    """z of the first samples."""
    return evidence.drawn(evidence.signatures["sample"], "z", count)


def perfect(evidence: Evidence) -> Found:
    """The outputs of an exact file; signatures with noise have a few rows."""
    wanted = {name: evidence.expected(signature) for name, signature in evidence.signatures.items()}
    score, z = evidence.signatures["score"], drawn(evidence, 4)
    return {
        "decode/mean": wanted["decode"]["mean"].copy(),
        "session:serving_default/mean": wanted["decode"]["mean"].copy(),
        "decode_32/mean": wanted["decode"]["mean"].copy(),
        **{f"encode_32/{name}": value.copy() for name, value in wanted["encode"].items()},
        **{f"score/{name}": evidence.drawn(score, name, 4) for name in score.outputs},
        **{f"score_with_noise_32/{name}": value.copy() for name, value in wanted["score"].items()},
        "reconstruct/mean": wanted["reconstruct"]["mean"].copy(),
        "sample/z": z.copy(),
        "sample/x": evidence.vae.scaling.inverse(evidence.decode(z)),
    }


def test_no_error_is_none(grey: Evidence) -> None:
    found = perfect(grey)
    assert {name: error[:2] for name, error in compare.means(found, grey).items()} == {
        "prior": (0.0, 0.0),
        "posterior": (0.0, 0.0),
    }
    assert compare.elbo_change(found, grey) == 0.0
    assert set(compare.others(found, grey)) == {"encode", "reconstruct", "score", "sample_z", "sample_x"}
    assert max(compare.others(found, grey).values()) == 0.0


@pytest.mark.parametrize("key", ["decode/mean", "session:serving_default/mean", "decode_32/mean"])
def test_an_error_of_any_signature_counts_in_its_set(key: str, grey: Evidence) -> None:
    found, split = perfect(grey), len(grey.prior_z)
    found[key][split + 1].flat[3] += 0.25
    errors = compare.means(found, grey)
    assert errors["prior"].max == 0.0
    assert errors["prior"].psnr == np.inf
    count = grey.x.size
    assert errors["posterior"].max == pytest.approx(0.25, rel=1e-5)
    assert errors["posterior"].mean == pytest.approx(0.25 / count, rel=1e-5)
    assert errors["posterior"].psnr == pytest.approx(10 * np.log10(count / 0.25**2), rel=1e-5)


def test_errors_of_a_gaussian_are_parts_of_the_datas_range_and_its_elbo_sees_its_scale(
    judged: Callable[..., Evidence],
) -> None:
    evidence = judged(Gaussian(scale=0.01))
    found = perfect(evidence)
    found["decode/mean"][0].flat[0] += 0.001
    assert compare.means(found, evidence)["prior"].max == pytest.approx(0.001 / np.ptp(evidence.x), rel=1e-3)
    found["decode/mean"][len(evidence.prior_z) :] += 0.001
    changed = evidence.mean_reconstruction(found["decode/mean"][len(evidence.prior_z) :])
    elbo = evidence.vae.elbo(evidence.x, seed=evidence.seed).elbo.mean()
    wanted = abs(changed - evidence.reconstruction) / max(abs(elbo), evidence.x[0].size / 2)
    assert compare.elbo_change(found, evidence) == pytest.approx(wanted, rel=1e-4)
    assert wanted > 0


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("encode_32/z_log_var", "encode"),
        ("reconstruct/mean", "reconstruct"),
        ("score/kl", "score"),
        ("score_with_noise_32/elbo", "score"),
        ("sample/z", "sample_z"),
    ],
)
@pytest.mark.parametrize("off", [1.0, np.nan])
def test_each_other_error_has_its_name(key: str, name: str, off: float, grey: Evidence) -> None:
    found = perfect(grey)
    found[key][2] += off
    errors = compare.others(found, grey)
    assert not errors[name] <= 1e-3
    # x is compared with the model's output for the z that the file returns.
    assert all(value == 0.0 for other, value in errors.items() if other not in (name, "sample_x"))


def test_bytes_may_be_rounded_either_way_and_no_further(grey: Evidence) -> None:
    z = drawn(grey, 10)
    exact = grey.decode(z) * 255.0
    for rounded in (np.floor, np.ceil):
        x = rounded(exact).astype(np.uint8)
        wrong = np.maximum(np.abs(x - exact) - 0.5, 0.0).max() / 255
        assert compare.others({"sample/z": z, "sample/x": x}, grey)["sample_x"] == pytest.approx(
            wrong, abs=rounding("float32")
        )
        assert wrong > 1e-3


def test_user_units_of_large_numbers_may_round_as_float32_does(judged: Callable[..., Evidence]) -> None:
    evidence = judged(Gaussian(scale=0.1), TALL)
    z = drawn(evidence, 4)
    x = evidence.vae.scaling.inverse(evidence.decode(z)).astype(np.float32)
    assert compare.others({"sample/z": z, "sample/x": x}, evidence)["sample_x"] == 0.0
    x[0, 0, 0, 0] += 1.0
    assert compare.others({"sample/z": z, "sample/x": x}, evidence)["sample_x"] > 0.05


def test_another_shape_is_no_broadcast(grey: Evidence) -> None:
    found = perfect(grey)
    found["score/kl"] = found["score/kl"][:, None]
    with pytest.raises(UserError, match="shape"):
        compare.others(found, grey)


def test_the_scaling_of_no_scaling(judged: Callable[..., Evidence]) -> None:
    evidence = judged(Gaussian(scale=0.1), Scaling.identity())
    assert compare.others(perfect(evidence), evidence)["sample_x"] == 0.0
