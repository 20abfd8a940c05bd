"""The whole recipe of a run as frozen dataclasses, to and from YAML; no TensorFlow.

Each section has a module. A section that is a choice (data, network, posterior, prior, likelihood, model) has one
dataclass for each choice: its `name` first, then the settings of that choice only. `tfvae.catalog` lists the choices.
"""

from tfvae.config.data import Data
from tfvae.config.likelihood import Likelihood
from tfvae.config.model import Model
from tfvae.config.network import Network
from tfvae.config.objective import Objective
from tfvae.config.options import from_dict, names, option, paths, to_dict
from tfvae.config.posterior import Posterior
from tfvae.config.prior import Matrix, Prior
from tfvae.config.recipe import FACTS, Config, from_yaml, override, sections
from tfvae.config.training import Training
from tfvae.errors import nearest

__all__ = [
    "FACTS",
    "Config",
    "Data",
    "Likelihood",
    "Matrix",
    "Model",
    "Network",
    "Objective",
    "Posterior",
    "Prior",
    "Training",
    "from_dict",
    "from_yaml",
    "names",
    "nearest",
    "option",
    "override",
    "paths",
    "sections",
    "to_dict",
]
