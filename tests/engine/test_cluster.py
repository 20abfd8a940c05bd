"""`tfvae.engine.cluster.environment`: the workers from TF_CONFIG and from SLURM."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from tfvae import config, presets, train
from tfvae.engine.cluster import environment as cluster
from tfvae.engine.cluster import slurm
from tfvae.errors import UserError

DOCS = Path(__file__).parents[2] / "docs" / "distributed.md"


def told(jobs, task):
    return {"TF_CONFIG": json.dumps({"cluster": jobs, "task": task})}


SLURM = {
    "SLURM_JOB_ID": "31007",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "0",
    "SLURM_STEP_NODELIST": "n[9-11],m",
    "SLURM_STEP_TASKS_PER_NODE": "1(x4)",
}


def test_workers_of_tf_config():
    ours = cluster.from_environment(told({"worker": ["a:1", "b:2"]}, {"type": "worker", "index": 1}))
    assert ours == cluster.Cluster(("a:1", "b:2"), 1)


def test_the_chief_of_tf_config_is_the_first_worker():
    jobs = {"worker": ["b:2", "c:3"], "chief": ["a:1"]}
    for task, index in [("chief", 0), ("worker", 0), ("worker", "1")]:
        ours = cluster.from_environment(told(jobs, {"type": task, "index": index}))
        assert ours == cluster.Cluster(("a:1", "b:2", "c:3"), 0 if task == "chief" else int(index) + 1)


def test_tf_config_comes_before_slurm():
    assert cluster.from_environment({**SLURM, **told({"worker": ["a:1"]}, {"index": 0})}).workers == ("a:1",)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "neither TF_CONFIG nor SLURM names the workers; set for each worker TF_CONFIG="),
        ({"TF_CONFIG": "{'cluster': 1}"}, "TF_CONFIG: it is not JSON (Expecting property name"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG: got no cluster, expected"),
        ({"TF_CONFIG": '{"task": {"index": 0}}'}, "TF_CONFIG: got no cluster, expected"),
        (told({"worker": ["a:1"], "ps": ["b:1"]}, {"index": 0}), "got the job ps in its cluster, expected worker"),
        (told({"worker": ["a"]}, {"index": 0}), "got the address 'a', expected host:port"),
        (
            told({"worker": ["a:70000"]}, {"index": 0}),
            "got the address 'a:70000', expected host:port, with a port up to",
        ),
        (told({"worker": [1]}, {"index": 0}), "got the address 1, expected host:port"),
        (told({"worker": "a:1"}, {"index": 0}), "got 'a:1' for its job worker, expected a list"),
        (
            told({"worker": ["a:1", "b:1"]}, {"index": 2}),
            "got the task worker 2, expected one of its cluster: worker 0, worker 1",
        ),
        (told({"worker": ["a:1"]}, {"type": "chief", "index": 0}), "got the task chief 0, expected one of its cluster"),
        (told({"worker": ["a:1"]}, None), "got the task worker None, expected one of its cluster: worker 0."),
    ],
)
def test_what_cannot_be_read_is_a_sentence(environment, said):
    with pytest.raises(UserError, match=re.escape(said)):
        cluster.from_environment(environment)


def test_workers_of_slurm():
    ours = cluster.from_environment(SLURM)
    assert ours == cluster.Cluster(("n9:16007", "n10:16007", "n11:16007", "m:16007"), 3)


def test_several_tasks_on_a_node_have_a_port_each():
    more = {
        "SLURM_STEP_NODELIST": "n[1-2]",
        "SLURM_STEP_TASKS_PER_NODE": "2,1",
        "SLURM_PROCID": "1",
        "SLURM_LOCALID": "1",
    }
    assert cluster.from_environment({**SLURM, **more}).workers == ("n1:16007", "n1:16008", "n2:16007")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("login", ["login"]),
        ("n1,n3", ["n1", "n3"]),
        ("n[08-10,12]", ["n08", "n09", "n10", "n12"]),
        ("rack[1-2]-n[1,3].site,m", ["rack1-n1.site", "rack1-n3.site", "rack2-n1.site", "rack2-n3.site", "m"]),
    ],
)
def test_node_lists(text, names):
    assert slurm.nodes(text) == names


@pytest.mark.parametrize("text", ["", "n[1-2", "n]1[", "a,,b", "n[1-2]]", "n[a-b]", "n[]", "n[1-]"])
def test_a_node_list_that_is_none(text):
    with pytest.raises(UserError, match="SLURM_STEP_NODELIST: got"):
        slurm.nodes(text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SLURM_STEP_NODELIST": None}, "SLURM: SLURM_STEP_NODELIST not set; start the workers of the job with srun"),
        ({"SLURM_PROCID": "4"}, "its variables contradict each other (SLURM_PROCID=4"),
        ({"SLURM_PROCID": "x"}, "its variables contradict each other (SLURM_PROCID=x"),
        ({"SLURM_STEP_TASKS_PER_NODE": "1(x3)"}, "its variables contradict each other"),
        ({"SLURM_STEP_TASKS_PER_NODE": "many"}, "its variables contradict each other"),
        ({"SLURM_LOCALID": "1"}, "add --distribution=block to srun"),
    ],
)
def test_what_slurm_does_not_say_is_a_sentence(changes, said):
    environment = {name: value for name, value in {**SLURM, **changes}.items() if value is not None}
    with pytest.raises(UserError, match=re.escape(said)):
        cluster.from_environment(environment)


def test_the_kubernetes_job_of_the_docs():
    [text] = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    service, job = yaml.safe_load_all(text)
    spec = job["spec"]
    assert spec["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    [container] = spec["template"]["spec"]["containers"]
    given = {each["name"]: each.get("value") for each in container["env"]}
    assert list(given) == ["INDEX", "TF_CONFIG"]  # a variable may refer to earlier ones
    for index in range(spec["completions"]):
        ours = cluster.from_environment({"TF_CONFIG": given["TF_CONFIG"].replace("$(INDEX)", str(index))})
        assert ours.index == index
        assert ours.workers[index] == f"{job['metadata']['name']}-{index}.{service['metadata']['name']}:12345"
    assert len(ours.workers) == spec["completions"] == spec["parallelism"]
    assert settings_of(container["command"][3:]).training.strategy == "multiworker"


def test_the_slurm_script_of_the_docs():
    [text] = re.findall(r"```bash\n(#!/bin/bash.*?)```", DOCS.read_text(), re.DOTALL)
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=True).returncode == 0
    asked = re.search(r"python -m tfvae.train(.*?)\nstatus", text, re.DOTALL)[1]
    assert settings_of(shlex.split(asked.replace("\\\n", " "))).training.strategy == "multiworker"


def settings_of(arguments):
    options = train._parser().parse_args(arguments)
    assert options.resume
    return config.override(presets.load(options.preset), [*train._shorthands(options), *options.set])
