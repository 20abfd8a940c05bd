"""`tfvae.runs.changes`: which settings a resumed run may change."""

from __future__ import annotations

import pytest

from tfvae.config import Config, override
from tfvae.errors import UserError
from tfvae.runs import changes

BEGUN = override(Config(), ["data.name=csv", "data.path=/a/rows.csv", "training.learning_rate=0.01"])
SOURCE = {
    "data.image_size": "images",
    "data.channels": "images",
    "data.num_examples": "blobs",
}


def between(*assignments, begun=BEGUN):
    return changes.between(begun, override(begun, list(assignments)))


def begun_for(assignment):
    """A run whose source has the setting."""
    name = SOURCE.get(assignment.partition("=")[0])
    return override(BEGUN, [f"data.name={name}"]) if name else BEGUN


def refused(*assignments, allow_changed=False, begun=BEGUN):
    with pytest.raises(UserError) as caught:
        changes.refuse(between(*assignments, begun=begun), allow_changed)
    return str(caught.value)


def test_the_same_settings_are_no_change():
    assert between("training.learning_rate=1e-2") == []
    changes.refuse([], False)


def test_each_difference_is_named_as_set_names_it():
    found = between("seed=3", "network.hidden=[16,8]", "data.path=/b/rows.csv", "training.ema=0.9")
    assert [str(change) for change in found] == [
        "data.path: /a/rows.csv → /b/rows.csv",
        "network.hidden: [512, 256] → [16, 8]",
        "training.ema: none → 0.9",
        "seed: 0 → 3",
    ]


HARMLESS = [
    "data.path=/b/rows.csv",
    "training.epochs=51",
    "training.early_stopping=3",
    "training.accumulation=4",
    "training.jit=off",
    "training.steps_per_call=7",
    "training.on_nonfinite=skip",
    "training.strategy=mirrored",
    "training.replicas=2",
    "training.latent=plain",
    "training.sample_every=2",
]


def test_the_harmless_are_taken_with_a_reason():
    found = between(*HARMLESS)
    assert {change.setting for change in found} == {assignment.partition("=")[0] for assignment in HARMLESS}
    assert all(change.harmless for change in found)
    changes.refuse(found, allow_changed=False)


@pytest.mark.parametrize("assignment", ["data.dir=/b", "data.split=/b/splits.csv"])
def test_another_place_of_files_is_harmless(assignment):
    source = {"data.dir=/b": "mnist"}.get(assignment, "images")
    (found,) = between(assignment, begun=override(BEGUN, [f"data.name={source}"]))
    assert found.harmless == "the same data in another place"
    assert not found.impossible


@pytest.mark.parametrize(
    "assignment",
    [
        "training.epochs=49",
        "training.learning_rate=0.02",
        "training.learning_rate_schedule=constant",
        "training.weight_decay=0.1",
        "training.clip_norm=1",
        "training.precision=mixed_bfloat16",
        "objective.kl_weight=4",
        "objective.num_samples=2",
        "data.binarize=threshold",
        "data.scaling=min-max",
        "data.name=blobs",
    ],
)
def test_what_changes_the_result_has_to_be_allowed(assignment):
    said = refused(assignment, "training.epochs=49")
    assert "(changes the result)" in said
    assert said.endswith("or accept mixed settings with --allow-changed.")
    changes.refuse(between(assignment), allow_changed=True)


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("network.latent_dim=3", "the weights of the original model"),
        ("network.activation=tanh", "the weights of the original model"),
        ("prior.name=correlated", "the weights of the original model"),
        ("likelihood.name=gaussian", "the weights of the original model"),
        ("data.image_size=[32,32]", "the original shape of the data"),
        ("data.channels=1", "the original shape of the data"),
        ("data.attributes=[age]", "the original shape of the data"),
        ("data.label=species", "the original shape of the data"),
        ("data.num_examples=100", "the test set would contain training examples"),
        ("data.validation_fraction=0.2", "the test set would contain training examples"),
        ("data.split=fold", "the test set would contain training examples"),
        ("data.group=patient", "the test set would contain training examples"),
        ("data.stratify=true", "the test set would contain training examples"),
        ("data.test_fraction=0.1", "the test set would contain training examples"),
        ("seed=1", "the test set would contain training examples"),
        ("training.batch_size=64", "counts its epochs in steps"),
        ("training.optimizers.critic.optimizer=sgd", "the state of the original optimizer"),
        ("training.optimizer=sgd", "the state of the original optimizer"),
        ("training.precision=float64", "the weights in their original precision"),
        ("training.precision=mixed_float16", "no loss scale"),
        ("training.ema=0.9", "the averages of the weights cannot be added"),
    ],
)
@pytest.mark.parametrize("allow_changed", [False, True])
def test_what_cannot_fit_is_refused_in_any_case(assignment, reason, allow_changed):
    said = refused(assignment, allow_changed=allow_changed, begun=begun_for(assignment))
    assert "(impossible: " in said
    assert reason in said
    assert said.endswith("Start a new run with another --out.")


def test_settings_that_only_one_of_two_choices_has_go_with_the_name():
    found = between("data.name=blobs", "data.num_examples=100")
    assert [str(change) for change in found] == ["data.name: csv → blobs"]
    (found,) = between("prior.trainable=true")
    assert str(found) == "prior.name: standard → correlated"
    assert found.impossible


def test_a_setting_of_another_optimizer_is_named_to_the_end():
    (found,) = between("training.optimizers.critic.learning_rate=1e-4")
    assert str(found) == "training.optimizers.critic.learning_rate: none → 0.0001"
    assert not found.harmless
    assert not found.impossible


def test_the_decay_of_an_average_that_is_there_may_change():
    begun = override(BEGUN, ["training.ema=0.99"])
    assert "changes the result" in refused("training.ema=0.9", begun=begun)
    assert "the averages of the weights cannot be added" in refused("training.ema=null", begun=begun)


def test_one_sentence_lists_all():
    said = refused("training.epochs=80", "training.clip_norm=1", "seed=3")
    assert said == (
        "--resume: the run has other settings: training.epochs: 50 → 80 (harmless); training.clip_norm: none → 1.0 "
        "(changes the result); seed: 0 → 3 (impossible: the examples would be split differently, so the test set "
        "would contain training examples). Start a new run with another --out."
    )


def test_a_longer_run_is_one_with_more_epochs_or_patience():
    assert changes.prolong(between("training.epochs=80"))
    assert changes.prolong(between("training.early_stopping=9"))
    assert not changes.prolong(between("training.jit=off"))
