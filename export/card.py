"""The model card: `README.md` of a version, with the YAML header that model hubs read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from tfvae.config import Network, from_dict
from tfvae.export.origin import Origin, Values
from tfvae.models.signatures import Unit
from tfvae.models.terms import Terms, shown

_LIKELIHOODS = {
    "Bernoulli": "The Bernoulli is not a density of values other than 0 and 1: its ELBO can rank models of the same "
    "data and likelihood, but cannot be compared with that of another likelihood.",
    "ContinuousBernoulli": "The ELBO is that of a density on [0, 1] and may be above zero.",
    "Gaussian": "The ELBO is that of a density in model units: it depends on the scaling and may be above zero.",
    "Laplace": "The ELBO is that of a density in model units: it depends on the scaling and may be above zero.",
}
_LIMITS = (
    "`decode` returns the mean of p(x|z), not a draw from it: samples look smoother than the data.",
    "The ELBO is a lower bound of log p(x) with an unknown gap; scores depend on the noise of the seed.",
    "The model fits examples like those it was trained on. It returns codes, reconstructions and scores for any input.",
    "Errors were measured on latents of the prior and of q(z|x); for other z they may be larger.",
    "Samples reproduce biases of the training data, and may be close to individual training examples.",
)
_OWNER = """\
To be completed by the owner; the files do not contain this information:

- author, contact, licence:
- intended use, and uses to avoid:
- the data: source, terms, known gaps and biases:
- who validated the model for its use, how, and with what result:"""


def card(description: Values, origin: Origin, terms: Terms) -> str:
    """The model card.

    Args:
      description: the content of `decoder.json`.
      origin: of the model.
      terms: of the model; the table of metrics has those shown under `card`.

    Returns:
      Markdown.
    """
    terms = shown(terms, "card")
    sections = {
        "Model": _table(_model(description, origin)),
        "Data": _table(_data(description, origin)),
        "Training": _table(origin.training),
        "Metrics": _metrics(description, origin, terms),
        "Use": _use(description),
        "Intended use and limits": _limits(description, origin),
    }
    title = f"# {description['name']}, version {description['version']}"
    body = [f"## {name}\n\n{text}" for name, text in sections.items()]
    return "\n\n".join([_head(description, origin, terms), title, _about(description, origin), *body]) + "\n"


def _about(description: Values, origin: Origin) -> str:
    shape, version = "x".join(map(str, description["event_shape"])), description["versions"]["tfvae"]
    model = f"A variational autoencoder of `{origin.dataset}` ({shape}), trained and exported with tfvae {version}."
    if origin.dataset is None:
        model = (
            f"A variational autoencoder of examples of shape {shape}, exported with tfvae {version} from a model in "
            "Python. There is no run, and the name of the data set is not recorded."
        )
    return f"{model} `decoder.json` describes the files for programs; `report.json` has all measured errors."


def _head(description: Values, origin: Origin, terms: Terms) -> str:
    image = len(description["event_shape"]) == 3
    formats = {"saved-model" if entry["kind"] == "saved_model" else "tflite" for entry in description["files"].values()}
    task = "unconditional-image-generation" if image else "feature-extraction"
    head: dict[str, Any] = {
        "library_name": "tfvae",
        "pipeline_tag": task,
        "tags": ["variational-autoencoder", "tensorflow", *sorted(formats)],
    }
    if origin.dataset is not None:  # model hubs accept no result without the name of a data set
        metrics = [
            {"type": name, "name": f"{term.label}, {term.unit}", "value": round(origin.figures[name], 4)}
            for name, term in terms.items()
            if name in origin.figures
        ][:1]
        data = {"type": origin.dataset, "name": origin.dataset, "split": "test"}
        result = {"task": {"type": task}, "dataset": data, "metrics": metrics}
        head["model-index"] = [{"name": description["name"], "results": [result]}]
    return f"---\n{yaml.safe_dump(head, sort_keys=False)}---"


def _model(description: Values, origin: Origin) -> dict[str, str]:
    likelihood, latent = description["likelihood"], str(description["latent_dim"])
    scale = f", scale {likelihood['scale']:g} ({likelihood['scale_mode']})" if "scale" in likelihood else ""
    scale = ", with a scale for each value from the decoder" if likelihood.get("scale_mode") == "per_pixel" else scale
    if "active_units" in origin.figures:
        latent += f", of which {origin.figures['active_units']} active"
    rows = {
        "networks": _networks(origin.network),
        "latent dimension": latent,
        "condition y": _condition(description["condition"]),
        "prior p(z)": _prior(description["prior"], origin.trained_prior),
        "likelihood p(x\\|z)": f"{likelihood['name']}{scale}",
        "parameters": f"{origin.parameters:,}",
        "noise": f"version {description['noise_version']}: the same seed gives the same z in every file",
    }
    return {name: text for name, text in rows.items() if text}


def _networks(network: Values | None) -> str:
    if network is None:
        return "made in Python; their settings are not recorded"
    size = from_dict(Network, network, "network").describe()
    return f"{network['name']}, {size}" if size else str(network["name"])


def _condition(condition: Values | None) -> str:
    if condition is None:
        return ""
    names = ", ".join(condition["names"])
    if condition["kind"] == "label":
        return f"a one-hot label; all zeros: no label. Labels: {names}"
    return f"numeric attributes: {names}"


def _prior(prior: Values | None, trained: bool) -> str:
    if prior is None:
        return "not a function of noise: no file can draw samples"
    if prior["kind"] == "signature":
        return "not a single Gaussian: the signature `prior` maps noise to z"
    if prior["kind"] == "standard":
        return "standard normal"
    return f"Gaussian, {prior['kind']} scale, {'trained' if trained else 'fixed'}"


def _data(description: Values, origin: Origin) -> dict[str, str]:
    scalings = {
        "none": "none: model units are the user's units",
        "unit": "the user's range to [0, 1]",
        "min-max": "smallest and largest training value to 0 and 1",
        "z-score": "mean and standard deviation of the training examples to 0 and 1",
    }
    rows = {**origin.data, "scaling": scalings[description["scaling"]["kind"]]}
    return rows if origin.binarize in (None, "none") else {**rows, "binarised": origin.binarize}


def _metrics(description: Values, origin: Origin, terms: Terms) -> str:
    means = origin.figures
    figures = {term.label: term.text(means[name]) for name, term in terms.items() if name in means}
    columns = ["file", "bytes", "largest error", "mean error", "PSNR, dB", "ELBO change", "other errors"]
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
    rows = [_file(name, entry) for name, entry in description["files"].items()]
    return "\n\n".join(
        [
            f"Mean per example over {origin.examples:,} test examples:",
            _table(figures),
            "Each file compared with the Keras model, on the worse of latents from the prior and from q(z|x); errors "
            "of the mean of p(x|z) are relative to the data's range, or to the scale of a Gaussian or Laplace:",
            "\n".join([head, *rows]),
        ]
    )


def _file(name: str, entry: Values) -> str:
    cells = [f"`{name}`", f"{entry['bytes']:,}"]
    errors = list(entry["error"].values())
    for key in ("max", "mean"):
        cells.append(f"{max(error[key] for error in errors):.2g}" if errors else "")
    ratios = [error["psnr"] for error in errors if error["psnr"] is not None]  # None: the error is zero
    cells.append(f"{min(ratios):.1f}" if ratios else "")
    cells.append("" if entry["elbo_change"] is None else f"{entry['elbo_change']:.3%}")
    others = {key.removesuffix("_error"): value for key, value in entry.items() if key.endswith("_error")}
    cells.append(", ".join(f"{key} {value:.2g}" for key, value in others.items()))
    return f"| {' | '.join(cells)} |"


def _use(description: Values) -> str:
    units, parts = description["units"], []
    decode, means = next(iter(units.items()))  # a model's first signature
    (mean,) = means
    sample = next((name for name, outputs in units.items() if _in_user_units(outputs)), None)
    decoders = {
        name: entry["signatures"][decode]["inputs"]
        for name, entry in description["files"].items()
        if decode in entry.get("signatures", {})
    }
    for name, inputs in list(decoders.items())[:1]:
        arrays = ", ".join(f'{key}=np.zeros({inputs[key]["shape"]}, "float32")' for key in sorted(inputs, reverse=True))
        parts.append(
            "On a device, without tfvae, after `pip install ai-edge-litert` (with any of the decoders):\n\n"
            "```python\n"
            "import numpy as np\n"
            "from ai_edge_litert.interpreter import Interpreter\n\n"
            f'{decode} = Interpreter("{name}").get_signature_runner("{decode}")\n'
            f'{mean} = {decode}({arrays})["{mean}"]  # in {means[mean]}\n'
            "```\n\n"
            "`runner.py` in tfvae's `export/edge` draws z from a seed and returns samples in the user's units."
        )
    if "saved_model" in description["files"] and sample:
        condition = description["condition"]
        y = f", y=tf.one_hot([0], {len(condition['names'])})" if condition else ""
        latent = ", ".join(map(str, description["latent_shape"]))
        parts.append(
            "In TensorFlow; or with TensorFlow Serving, with the parent of this folder as the model base path:\n\n"
            "```python\n"
            "import tensorflow as tf\n\n"
            'signatures = tf.saved_model.load("saved_model").signatures\n'
            f'{sample} = signatures["{sample}"](seed=tf.constant(0, tf.int64), n=tf.constant(4, tf.int64){y})\n'
            f'print({sample}["x"].shape, {sample}["z"].shape)  # x in the user\'s units, z [4, {latent}]\n'
            "```"
        )
    return "\n\n".join(parts)


def _in_user_units(outputs: Mapping[str, str]) -> bool:
    return any(text.startswith(Unit.USER.value) for text in outputs.values())


def _limits(description: Values, origin: Origin) -> str:
    limits = [*_LIMITS, *filter(None, [_LIKELIHOODS.get(description["likelihood"]["name"])])]
    limits += [f"Diagnosis after training: {finding}." for finding in origin.findings]
    return "\n".join(f"- {limit}" for limit in limits) + f"\n\n{_OWNER}"


def _table(rows: Mapping[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items())])
