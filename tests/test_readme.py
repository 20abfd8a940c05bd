"""The README's example runs, and says no more lines than it may."""

import importlib
import importlib.util
import re
import shlex
from pathlib import Path

import keras
import pytest

from tfvae import presets

README = Path(__file__).parents[1] / "README.md"


def test_the_python_example(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) == 1
    monkeypatch.chdir(tmp_path)
    names = {}
    keras.utils.set_random_seed(0)  # of the initial weights
    exec(compile(blocks[0], str(README), "exec"), names)
    assert names["made"].shape == (16, 8, 8, 1)
    assert names["history"].history["val_elbo"][-1] > names["history"].history["val_elbo"][0]
    # The bound is higher in expectation; both are estimates, of one standard error or less over these examples.
    assert names["bound"].mean > names["history"].history["val_elbo"][-1] - names["bound"].mean_standard_error
    again = keras.models.load_model("digits.keras")
    assert (again.sample(16, seed=0) == names["made"]).all()
    assert ">=" in capsys.readouterr().out


@pytest.mark.usefixtures("library")
def test_the_examples_of_the_latent_op(capsys):
    text = (README.parent / "docs" / "latent-op.md").read_text()
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "docs/latent-op.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "(2, 4, 8) (4,) (2, 4)" in printed
    assert "Host ['tfvae_sample_and_kl', 'tfvae_sample_and_kl_grad']" in printed


def test_the_files_that_it_names_exist():
    for name in re.findall(r"\]\(([\w./-]+)\)|src=\"([\w./-]+)\"", README.read_text()):
        assert (README.parent / (name[0] or name[1])).exists(), name


def test_length():
    assert len(README.read_text().splitlines()) <= 150


def test_every_command_uses_what_an_earlier_one_made():
    [commands] = [
        block for block in re.findall(r"```bash\n(.*?)```", README.read_text(), re.DOTALL) if "tfvae" in block
    ]
    made, presets_used = set(), set()
    for line in commands.splitlines():
        words = shlex.split(line.partition("#")[0])
        module = importlib.import_module(words[2])
        assert callable(getattr(module, "main", None)) or importlib.util.find_spec(f"{words[2]}.__main__")
        folders = {word for word in words if word.startswith("runs/")}
        if "--preset" in words:
            presets_used.add(words[words.index("--preset") + 1])
            made |= folders
        assert folders <= made, line
    assert presets_used <= set(presets.names())
