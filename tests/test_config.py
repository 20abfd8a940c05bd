"""`tfvae.config`: every wrong setting is one sentence that names it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from tfvae import catalog
from tfvae.config import Config, data, from_dict, from_yaml, names, nearest, network, override, prior, sections, to_dict
from tfvae.errors import UserError

GOLDEN = Path(__file__).parent / "golden" / "runs_v0.1.0"
CHANGED = [
    "data.name=images",
    "data.path=faces",
    "data.image_size=[32, 48]",
    "network.hidden=[3]",
    "prior.covariance=[[1,-0.5],[-0.5,1]]",
    "objective.capacity=25",
    "training.learning_rate=1e-4",
    "training.jit=off",
    "training.optimizers.critic.learning_rate=1e-3",
    "training.optimizers.critic.optimizer=sgd",
    "seed=12",
]


def test_what_is_not_given_is_the_default():
    assert from_yaml("", "empty") == Config()
    assert from_yaml("data: {name: blobs}", "one").data.num_examples == 500
    assert from_yaml("network: {latent_dim: 3}", "one").network == network.Mlp(latent_dim=3)


def test_values_are_put_in_place():
    config = override(Config(), CHANGED)
    assert (config.data.path, config.data.image_size, config.seed) == ("faces", (32, 48), 12)
    assert config.prior.covariance == ((1.0, -0.5), (-0.5, 1.0))
    assert config.training.learning_rate == 1e-4
    assert isinstance(config.objective.capacity, float)
    assert config.training.jit == "off"
    assert Config() == override(Config(), [])


def test_a_later_assignment_wins_and_no_text_is_none():
    assert override(Config(), ["training.epochs=3", "training.epochs=4"]).training.epochs == 4
    assert override(override(Config(), CHANGED), ["data.path="]).data.path is None
    assert override(Config(), ["data.name=csv", "data={name: blobs}"]).data == data.Blobs()


@pytest.mark.parametrize("assignments", [[], CHANGED], ids=["defaults", "changed"])
def test_to_yaml_and_back(assignments):
    config = override(Config(), assignments)
    text = yaml.safe_dump({"preset": "x", "noise_version": 1, "latent": {"a": 1}, **to_dict(config)})
    assert from_yaml(text, "config.yaml") == config


@pytest.mark.parametrize("order", [1, -1])
def test_a_change_of_name_keeps_what_the_new_choice_has_too(order):
    start = override(Config(), ["network.latent_dim=3", "network.hidden=[9]", "data.scaling=min-max"])
    assignments = ["network.name=conv", "network.filters=[4]", "data.name=csv", "data.path=rows.csv"][::order]
    config = override(start, assignments)
    assert config.network == network.Conv(latent_dim=3, filters=(4,))
    assert config.data == data.Csv(path="rows.csv", scaling="min-max")


def test_a_change_of_name_forgets_the_prior_that_was():
    trained = override(Config(), ["prior.trainable=true", "prior.covariance=[[2]]"])
    assert trained.prior == prior.Correlated(covariance=((2.0,),), trainable=True)
    assert override(trained, ["prior.name=standard"]).prior == prior.Standard()
    assert override(trained, ["prior.name=diagonal"]).prior == prior.Diagonal(trainable=True)


@pytest.mark.parametrize(
    ("settings", "becomes"),
    [
        (["prior.variance=[2]"], "diagonal"),
        (["prior.mean=[1]", "prior.variance=[2]"], "diagonal"),
        (["prior.mean=[1]"], "correlated"),
        (["prior.covariance=[[2]]"], "correlated"),
        (["prior.trainable=true"], "correlated"),
        (["prior.trainable=false", "prior.mean=null"], "standard"),
    ],
)
def test_the_standard_prior_becomes_another(settings, becomes):
    assert override(Config(), settings).prior.name == becomes


def test_what_an_optimizer_of_its_own_leaves_out_is_the_main_ones():
    training = override(Config(), CHANGED).training
    assert (training.of_objective("critic").optimizer, training.of_objective("critic").learning_rate) == ("sgd", 1e-3)
    assert training.of_objective("critic").epochs == training.epochs
    assert training.of_objective("another") == training
    more = override(override(Config(), CHANGED), ["training.optimizers.critic.clip_norm=1"])
    assert more.training.optimizers["critic"] == {"learning_rate": 1e-3, "optimizer": "sgd", "clip_norm": 1.0}


@pytest.mark.parametrize("run", ["blobs", "digits"])
def test_configurations_of_0_1_0_are_read(run):
    """They hold every setting of every choice."""
    (path,) = (path for path in GOLDEN.glob("*/config.yaml") if f"name: {run}\n" in path.read_text())
    config = from_yaml(path.read_text(), str(path))
    if run == "blobs":
        assert config.data == data.Blobs(num_examples=60)
        assert config.prior == prior.Correlated(covariance=((1.0, 0.4), (0.4, 1.0)), trainable=True)
    else:
        assert config.network == network.Conv(filters=(2, 3), latent_dim=2)
        assert config.prior == prior.Standard()
    later = path.read_text().replace("tfvae: 0.1.0", "tfvae: 0.2.0")
    for strict in (later, path.read_text() + "model: {name: vae}\n"):
        with pytest.raises(UserError, match=r"data.dir: is a setting of mnist, fashion_mnist and cifar10, not of "):
            from_yaml(strict, str(path))


def test_a_misspelt_setting_of_0_1_0_is_still_one():
    with pytest.raises(UserError, match=r"data.pathh: no such setting \(did you mean path\?\)"):
        from_yaml("{versions: {tfvae: 0.1.0}, data: {name: digits, pathh: x}}", "old.yaml")


AS_TYPED = [
    "2024-01-05",
    "2026-99-99",
    "NO",
    "photos #2",
    "~x",
    "~",
    "null",
    "[1].csv",
    "a: b",
    "7",
    "1e3",
    "0x1F",
    "!important",
    "&anchor",
    "it's",
    "x=y",
    "on",
    "{",
    "日本",
]


@pytest.mark.parametrize("text", AS_TYPED)
def test_a_text_setting_takes_its_text_as_typed(text):
    config = override(Config(), ["data.name=csv", f"data.path={text}", f"data.label={text}"])
    assert (config.data.path, config.data.label) == (text, text)
    assert override(Config(), ["data.name=csv", f"data.path='{text}'"]).data.path == text
    assert from_yaml(yaml.safe_dump(to_dict(config)), "written").data == config.data
    assert type(config.data.path) is str


def test_texts_in_lists_and_in_files_are_as_typed_too():
    listed = override(Config(), ["data.name=csv", "data.attributes=[NO, on, 2020, 2024-01-05, null]"])
    assert listed.data.attributes == ("NO", "on", "2020", "2024-01-05", "null")
    written = from_yaml("data: {name: csv, path: 2024-01-05, label: NO, attributes: [1.50]}", "mine.yaml")
    assert written.data == data.Csv(path="2024-01-05", label="NO", attributes=("1.50",))
    assert from_yaml("data: {name: csv, path: null, label: }", "mine.yaml").data == data.Csv()
    assert override(Config(), ["data={name: csv, path: 2026-99-99}"]).data.path == "2026-99-99"


def test_references_in_a_file_are_followed():
    text = "training: {optimizers: {a: &same {optimizer: sgd, learning_rate: 1e-3}, b: *same}}"
    assert from_yaml(text, "mine.yaml").training.optimizers["b"] == {"optimizer": "sgd", "learning_rate": 1e-3}
    many = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)) + "data: *a39"
    with pytest.raises(UserError, match="a0: no such setting"):
        from_yaml(many, "mine.yaml")
    with pytest.raises(UserError, match="expected a table of settings") as caught:
        from_yaml(many.replace("a0: &a0", "data: &a0").replace("\ndata: *a39", ""), "mine.yaml")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("word", "value"), [("on", "on"), ("off", "off"), ("'on'", "on"), ("auto", "auto"), ("yes", "on")]
)
def test_on_and_off_are_words(word, value):
    """YAML 1.1 reads them as true and false."""
    assert override(Config(), [f"training.jit={word}"]).training.jit == value


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("training.epoch=3", "training.epoch: no such setting (did you mean epochs?). There are: epochs, batch_size"),
        ("trainin.epochs=3", "trainin: no such section (did you mean training?). There are: data, network"),
        ("zzz.epochs=3", "zzz: no such section. There are"),
        ("training.epochs", "--set training.epochs: expected section.key=value"),
        ("training.epochs=three", "training.epochs: got 'three', expected an integer."),
        ("training.epochs=3.5", "training.epochs: got 3.5, expected an integer."),
        ("training.epochs=true", "training.epochs: got True, expected an integer."),
        ("training.epochs=", "training.epochs: got None, expected an integer."),
        ("training.epochs=0", "training.epochs: got 0, expected at least 1."),
        ("training.epochs.x=3", "training.epochs.x: training.epochs is a single value; expected training.epochs=3."),
        ("training.learning_rate=fast", "training.learning_rate: got 'fast', expected a number."),
        ("training.learning_rate=0", "training.learning_rate: got 0.0, expected more than 0.0."),
        ("training.learning_rate=.nan", "training.learning_rate: got nan, expected a finite number."),
        ("training.learning_rate=.inf", "training.learning_rate: got inf, expected a finite number."),
        ("training.jit=maybe", "training.jit: got 'maybe', expected one of auto, on, off."),
        ("training.optimizers=3", "training.optimizers: got 3, expected a table of tables"),
        ("training.optimizers.critic=3", "training.optimizers.critic: got 3, expected a table of settings."),
        (
            "training.optimizers.critic.learning_rat=3",
            "training.optimizers.critic.learning_rat: no such setting (did you mean learning_rate?). There are: opt",
        ),
        ("training.optimizers.critic.epochs=3", "training.optimizers.critic.epochs: no such setting"),
        ("training.optimizers.critic.learning_rate=0", "critic.learning_rate: got 0.0, expected more than 0.0."),
        ("prior.trainable=1", "prior.trainable: got 1, expected true or false."),
        ("network.latent_dim=0", "network.latent_dim: got 0, expected at least 1."),
        ("network.hidden=512", "network.hidden: got 512, expected a list such as [1, 2]."),
        ("network.hidden=[512, -1]", "network.hidden: got -1, expected at least 1."),
        ("data={name: images, image_size: [64]}", "data.image_size: got 1 values, expected 2."),
        ("data.validation_fraction=0.95", "data.validation_fraction: got 0.95, expected at most 0.9."),
        ("data.name=mnits", "data.name: got 'mnits' (did you mean mnist?), expected one of digits, mnist"),
        ("data.name=7", "data.name: got '7', expected one of digits"),
        ("data.path=x", "data.path: is a setting of csv, npz, images and shards, not of digits; set data.name to one"),
        ("network.variant=small", "network.variant: is a setting of resnet, not of mlp; set network.name=resnet, or"),
        ("network.hiden=[3]", "network.hiden: no such setting (did you mean hidden?). There are: name, latent_dim"),
        (
            "network.filtres=[3]",
            "network.filtres: no such setting (did you mean filters?). There are: name, latent_dim",
        ),
        ("prior={name: correlated, variance: [1]}", "prior.variance: is a setting of diagonal, not of correlated"),
        ("likelihood.name=gauss", "likelihood.name: got 'gauss' (did you mean gaussian?), expected one of"),
        ("prior.covariance=[[1, x], [0, 1]]", "prior.covariance: got 'x', expected a number."),
        ("prior.covariance=[[1,", "--set prior.covariance=[[1,: the value is not YAML"),
        ("network.hidden=!!python/object:os.system x", "the value is not YAML"),
        ("network.hidden=&a [*a]", "--set network.hidden=&a [*a]: the value is not YAML"),
        ("prior.mean=" + "[" * 2000, "the value is not YAML (it is nested too deeply, or contains itself)."),
        ("objective.group=1", "objective.group: got 1, expected at least 2."),
        ("seed=-1", "seed: got -1, expected at least 0."),
        ("seed=9223372036854775808", "seed: got 9223372036854775808, expected at most"),
        ("seed.x=1", "seed.x: seed is a single value; expected seed=1."),
        ("data=7", "data: got 7, expected a table of settings."),
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
        ("[1, 2]", "mine.yaml: got [1, 2], expected a table of sections."),
        ("data: [", "mine.yaml: not YAML"),
        ("data:", "mine.yaml: data: got None, expected a table of settings."),
        ("training: {epochs: x}", "mine.yaml: training.epochs: got 'x'"),
        ("data: {path: x}", "mine.yaml: data.path: is a setting of csv, npz, images and shards, not of digits"),
        ("data: {name: [csv]}", "mine.yaml: data.name: got ['csv'], expected text."),
        ("1: 2", "mine.yaml: 1: no such setting"),
        ("data: {1: 2}", "mine.yaml: data.1: no such setting"),
    ],
)
def test_a_wrong_file_is_named(text, said):
    with pytest.raises(UserError) as caught:
        from_yaml(text, "mine.yaml")
    assert str(caught.value).startswith(said)


def test_a_table_is_wanted():
    with pytest.raises(UserError, match="configuration: got 3, expected a table"):
        from_dict(Config, 3)


def test_nearest():
    assert nearest("adan", ["sgd", "adam"]) == " (did you mean adam?)"
    assert nearest("zzz", ["sgd", "adam"]) == ""


def choices():
    """Every dataclass of settings, by what to call it."""
    found = {section: kind for section, kind in sections().items() if section not in catalog.KINDS}
    for section in catalog.KINDS:
        found |= {f"{section}: {name}": catalog.settings(section, name) for name in catalog.names(section)}
    return found


@pytest.mark.parametrize("choice", choices())
def test_every_setting_is_documented_and_its_default_is_valid(choice):
    kind = choices()[choice]
    for field in dataclasses.fields(kind):
        assert len(field.metadata["help"]) > 5, field.name
        assert field.metadata["help"][-1] != ".", field.name
    assert from_dict(kind, to_dict(kind())) == kind()
    if ":" in choice:
        assert names(kind)[0] == "name"
