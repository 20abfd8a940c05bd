"""Nothing that a command prints can end it: as a user runs it, in processes of their own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

import tfvae

LIST = [sys.executable, "-m", "tfvae.presets", "list"]
HELP = [sys.executable, "-m", "tfvae.train", "--help"]
SETTINGS = ["training.epochs=40", "training.jit=off", "network.hidden=[4]", "network.latent_dim=1"]
TRAIN = [sys.executable, "-m", "tfvae.train", "--preset", "digits", "--set", *SETTINGS, "--out"]


def environment(encoding="utf-8", columns=80):
    return {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": str(columns), "TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_help_in_any_encoding(encoding):
    done = subprocess.run(HELP, env=environment(encoding), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert "section.key=value" in text
    assert "?" not in text.replace("?)", "")


@pytest.mark.parametrize("columns", [1, 20])
@pytest.mark.parametrize("command", [LIST, HELP], ids=["list", "help"])
def test_narrow_terminals(command, columns):
    done = subprocess.run(command, env=environment(columns=columns), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("redirection", "status"),
    [
        ("| head -1", 0),
        ("> /dev/full", 0),
        (">&-", 0),
        (">&- 2>&-", 0),
        ("nothing 2> /dev/full", 2),
        ("nothing 2>&-", 2),
    ],
)
def test_output_that_nobody_takes(redirection, status):
    words = redirection.split(" ", 1)
    command = "show nothing" if words[0] == "nothing" else "list"
    rest = words[1] if words[0] == "nothing" else redirection
    script = f'set -o pipefail; "{sys.executable}" -m tfvae.presets {command} {rest}'
    done = subprocess.run(["bash", "-c", script], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, "")


def is_whole(folder):
    assert len(tfvae.runs.folder.Run.open(folder).metrics()) == 40
    assert (folder / "report.json").is_file()
    assert tfvae.load(folder).sample(2, seed=0) is not None
    return True


@pytest.mark.slow
def test_a_run_goes_on_when_its_log_is_full(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*TRAIN, tmp_path / "ran"], env=environment("ascii"), stdout=full, stderr=full, check=False
        )
    assert done.returncode == 0
    assert is_whole(tmp_path / "ran")


@pytest.mark.slow
def test_a_run_goes_on_when_its_terminal_goes_away(tmp_path):
    """A terminal of 20 columns, not UTF-8, that closes after the first lines."""
    reader, terminal = pty.openpty()
    variables = {**environment("cp1252", 20), "TERM": "xterm"}
    process = subprocess.Popen([*TRAIN, str(tmp_path / "ran")], env=variables, stdout=terminal, stderr=subprocess.PIPE)
    os.close(terminal)
    said = b""
    while b"model:" not in said:
        said += os.read(reader, 1000)
    os.close(reader)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert is_whole(tmp_path / "ran")
