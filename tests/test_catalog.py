"""`tfvae.catalog`: every row loads and is what it says; a wrong name or a wrong class is one sentence."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from importlib import metadata
from types import ModuleType

import pytest

from tfvae import catalog, config, likelihoods
from tfvae.errors import UserError
from tfvae.latent import priors

ROWS = [(kind, name) for kind in catalog.KINDS for name in catalog.names(kind)]


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_every_row_loads_and_is_of_its_kind(kind: str, name: str) -> None:
    found = catalog.load(kind, name)
    catalog._check(kind, name, found)
    module = found if isinstance(found, ModuleType) else sys.modules[found.__module__]
    assert module.__name__.startswith("tfvae.")


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_every_row_has_settings_with_help(kind: str, name: str) -> None:
    settings = catalog.settings(kind, name)
    assert issubclass(settings, catalog.shared(kind))
    assert settings.__doc__
    assert config.names(settings)[0] == "name"
    assert all(field.metadata["help"] for field in dataclasses.fields(settings))
    made = config.from_dict(catalog.shared(kind), {"name": name})
    assert (type(made), made.name) == (settings, name)


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_the_default_of_a_section_is_a_row(kind: str) -> None:
    assert getattr(config.Config(), kind) == config.from_dict(catalog.shared(kind), {})


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_what_a_choice_becomes_is_a_row_with_that_setting(kind: str) -> None:
    for name in catalog.names(kind):
        for setting, other in catalog.settings(kind, name).becomes.items():
            assert other in catalog.having(kind, setting)


def test_it_imports_nothing_heavy() -> None:
    script = (
        "import sys, tfvae.catalog\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'tfvae.config') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_fresh_process_that_loads_a_model_knows_every_class_of_its_parts() -> None:
    script = (
        "import keras, tfvae.models, tfvae.catalog as catalog\n"
        "known = keras.saving.get_custom_objects()\n"
        "for kind in ('posterior', 'prior', 'likelihood', 'model'):\n"
        "    for row in catalog.KINDS[kind].rows.values():\n"
        "        name = 'tfvae>' + row.target.partition(':')[2]\n"
        "        assert name in known, name\n"
        "print('all known')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "all known\n"


@dataclasses.dataclass
class _Thawed:
    rate: float = config.option(1.0, "a setting")


@dataclasses.dataclass(frozen=True)
class _Bare:
    rate: float = 1.0


@dataclasses.dataclass(frozen=True)
class _Own:
    rate: float = config.option(1.0, "a setting", above=0.0)


class NoPrior:
    """Not a layer."""


class Thawed(priors.StandardNormal):
    """Its settings can be changed."""

    Settings = _Thawed


class Bare(priors.StandardNormal):
    """Its settings have no help."""

    Settings = _Bare


class Own(priors.StandardNormal):
    """As it should be."""

    Settings = _Own


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of this module, so that it can be imported."""
    monkeypatch.setitem(sys.modules, "outside_parts", sys.modules[__name__])
    return "outside_parts"


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("prior", "NoPrior", "must be a subclass of tfvae.latent.priors.base.Prior."),
        ("posterior", "Own", "must be a subclass of tfvae.latent.posteriors.base.Posterior."),
        ("prior", "Thawed", "must be a frozen dataclass, its fields made with tfvae.config.option."),
        ("prior", "Bare", "must be a frozen dataclass, its fields made with tfvae.config.option."),
        ("prior", "Absent", "cannot be imported (module 'test_catalog' has no attribute 'Absent')."),
        ("likelihood", "Own", "must be a subclass of tfvae.likelihoods.base.Likelihood."),
        ("model", "Own", "must be a subclass of tfvae.models.base.LatentModel."),
        ("network", "NoPrior", "must have encoder and decoder; it has no encoder and decoder."),
        ("data", "NoPrior", "must have from_settings; it has no from_settings."),
    ],
)
def test_a_class_that_is_not_of_its_kind(kind: str, name: str, said: str, here: str) -> None:
    with pytest.raises(UserError) as caught:
        config.override(config.Config(), [f"{kind}.name={here}:{name}"])
    start = f"{kind}.name: {'Settings of ' if 'frozen' in said else ''}{here}:{name} "
    assert str(caught.value).replace(f"'{__name__}'", "'test_catalog'") == start + said


@pytest.mark.parametrize("name", ["a:b:c", "a/b:C", ":C", "a:", "a.:C", "../a:C", "corelated"])
def test_what_is_neither_a_row_nor_code(name: str) -> None:
    with pytest.raises(UserError, match=r"expected one of standard, .*, or package.module:Class for your own code"):
        catalog.load("prior", name)


def test_settings_of_its_own(here: str) -> None:
    name = f"{here}:Own"
    made = config.override(config.Config(), [f"prior.name={name}", "prior.rate=2"]).prior
    assert (made.name, made.rate, made.arguments()) == (name, 2.0, {"rate": 2.0})
    assert made == config.from_dict(config.Prior, {"name": name, "rate": 2})
    with pytest.raises(UserError, match=r"prior.rate: got 0.0, expected more than 0.0"):
        config.from_dict(config.Prior, {"name": name, "rate": 0}, "prior")
    with pytest.raises(UserError, match=r"prior.variance: is a setting of diagonal, not of outside_parts:Own"):
        config.from_dict(config.Prior, {"name": name, "variance": [1]}, "prior")


def test_an_entry_point_is_a_name_as_any_other(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = metadata.EntryPoint("mine", f"{here}:Own", catalog.ENTRY_POINTS)
    installed = lambda group, name: [entry] * ((group, name) == (catalog.ENTRY_POINTS, "mine"))  # noqa: E731
    monkeypatch.setattr(catalog.metadata, "entry_points", installed)
    assert catalog.load("prior", "mine") is Own
    assert config.from_yaml("prior: {name: mine, rate: 3}", "a file").prior.rate == 3.0
    with pytest.raises(UserError, match=r"mine must be a subclass of tfvae.likelihoods.base.Likelihood"):
        catalog.load("likelihood", "mine")


def test_a_model_does_not_choose_code_by_the_name_of_its_likelihood() -> None:
    with pytest.raises(UserError, match="expected a Likelihood object"):
        likelihoods.named("outside_parts:Likelihood")


@pytest.mark.parametrize("name", catalog.names("network"))
def test_every_network_says_its_size(name: str) -> None:
    assert config.from_dict(config.Network, {"name": name}).describe()
