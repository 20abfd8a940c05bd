"""`tfvae.config`: every wrong setting is one sentence that names it."""

from __future__ import annotations

import dataclasses
import typing

import pytest
import yaml

from tfvae.config import Config, from_dict, from_yaml, nearest, override, to_dict
from tfvae.errors import UserError

CHANGED = [
    "data.name=csv",
    "data.path=rows.csv",
    "data.image_size=[32, 48]",
    "network.hidden=[3]",
    "prior.covariance=[[1,-0.5],[-0.5,1]]",
    "objective.capacity=25",
    "training.learning_rate=1e-4",
    "training.jit=off",
    "seed=12",
]


def test_what_is_not_given_is_the_default():
    assert from_yaml("", "empty") == Config()
    assert from_yaml("data: {name: blobs}", "one").data.num_examples == 500


def test_values_are_put_in_place():
    config = override(Config(), CHANGED)
    assert (config.data.path, config.data.image_size, config.seed) == ("rows.csv", (32, 48), 12)
    assert config.prior.covariance == ((1.0, -0.5), (-0.5, 1.0))
    assert config.training.learning_rate == 1e-4
    assert isinstance(config.objective.capacity, float)
    assert config.training.jit == "off"
    assert Config() == override(Config(), [])


def test_a_later_assignment_wins_and_null_is_none():
    assert override(Config(), ["training.epochs=3", "training.epochs=4"]).training.epochs == 4
    assert override(override(Config(), CHANGED), ["data.path=null"]).data.path is None


@pytest.mark.parametrize("assignments", [[], CHANGED], ids=["defaults", "changed"])
def test_to_yaml_and_back(assignments):
    config = override(Config(), assignments)
    text = yaml.safe_dump({"preset": "x", "noise_version": 1, "latent": {"a": 1}, **to_dict(config)})
    assert from_yaml(text, "config.yaml") == config


@pytest.mark.parametrize(("word", "value"), [("on", "on"), ("off", "off"), ("'on'", "on"), ("auto", "auto")])
def test_on_and_off_are_words(word, value):
    """YAML 1.1 reads them as true and false."""
    assert override(Config(), [f"training.jit={word}"]).training.jit == value


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("training.epoch=3", "training.epoch: no such setting (did you mean epochs?). There are: epochs, batch_size"),
        ("trainin.epochs=3", "trainin: no such section (did you mean training?). There are: data, network"),
        ("zzz.epochs=3", "zzz: no such section. There are"),
        ("training.epochs", "--set training.epochs: want section.key=value"),
        ("training.epochs=three", "training.epochs: got 'three', want an integer."),
        ("training.epochs=3.5", "training.epochs: got 3.5, want an integer."),
        ("training.epochs=true", "training.epochs: got True, want an integer."),
        ("training.epochs=", "training.epochs: got None, want an integer."),
        ("training.epochs=0", "training.epochs: got 0, want at least 1."),
        ("training.learning_rate=fast", "training.learning_rate: got 'fast', want a number."),
        ("training.learning_rate=0", "training.learning_rate: got 0.0, want more than 0.0."),
        ("training.learning_rate=.nan", "training.learning_rate: got nan, want a finite number."),
        ("training.learning_rate=.inf", "training.learning_rate: got inf, want a finite number."),
        ("training.jit=maybe", "training.jit: got 'maybe', want one of auto, on, off."),
        ("training.optimizer=7", "training.optimizer: got 7, want text."),
        ("training.optimizer=on", "training.optimizer: got True, want text."),
        ("prior.trainable=1", "prior.trainable: got 1, want true or false."),
        ("network.latent_dim=0", "network.latent_dim: got 0, want at least 1."),
        ("network.hidden=512", "network.hidden: got 512, want a list such as [1, 2]."),
        ("network.hidden=[512, -1]", "network.hidden: got -1, want at least 1."),
        ("data.image_size=[64]", "data.image_size: got 1 values, want 2."),
        ("data.validation_fraction=0.95", "data.validation_fraction: got 0.95, want at most 0.9."),
        ("data.name=mnits", "data.name: got 'mnits' (did you mean mnist?), want one of digits, mnist"),
        ("likelihood.name=gauss", "likelihood.name: got 'gauss' (did you mean gaussian?), want one of"),
        ("prior.covariance=[[1, x], [0, 1]]", "prior.covariance: got 'x', want a number."),
        ("prior.covariance=[[1,", "--set prior.covariance=[[1,: the value is not YAML"),
        ("data.path=2026-99-99", "--set data.path=2026-99-99: the value is not YAML"),
        ("data.path=!!python/object:os.system x", "the value is not YAML"),
        ("seed=-1", "seed: got -1, want at least 0."),
        ("seed=9223372036854775808", "seed: got 9223372036854775808, want at most"),
        ("seed.x=1", "seed.x: seed is a single value; want seed=1."),
        ("data=7", "data: got 7, want a table of settings."),
        ("=3", "no such section"),
    ],
)
def test_a_wrong_assignment(assignment, said):
    with pytest.raises(UserError) as caught:
        override(Config(), [assignment])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "mine.yaml: got list, want a table of sections."),
        ("data: [", "mine.yaml: not YAML"),
        ("data: {path: 2026-13-01}", "mine.yaml: not YAML"),
        ("data:", "mine.yaml: data: got None, want a table of settings."),
        ("training: {epochs: x}", "mine.yaml: training.epochs: got 'x'"),
        ("1: 2", "mine.yaml: 1: no such setting"),
    ],
)
def test_a_wrong_file_is_named(text, said):
    with pytest.raises(UserError) as caught:
        from_yaml(text, "mine.yaml")
    assert str(caught.value).startswith(said)


def test_a_table_is_wanted():
    with pytest.raises(UserError, match="configuration: got 3, want a table"):
        from_dict(Config, 3)


def test_nearest():
    assert nearest("adan", ["sgd", "adam"]) == " (did you mean adam?)"
    assert nearest("zzz", ["sgd", "adam"]) == ""


def sections():
    hints = typing.get_type_hints(Config)
    return {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}


@pytest.mark.parametrize("section", sections())
def test_every_setting_is_documented_and_its_default_is_valid(section):
    kind = sections()[section]
    for field in dataclasses.fields(kind):
        assert len(field.metadata["help"]) > 5, field.name
        assert field.metadata["help"][-1] != ".", field.name
    assert from_dict(kind, to_dict(kind())) == kind()
