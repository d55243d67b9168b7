"""Several processes train as one."""

import json
import socket
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_type_hints

import pytest
import torch
from subjects.small_experiments import images, small

from gnref.errors import UserError
from gnref.runs import Run
from gnref.training.arguments import TrainArguments
from gnref.training.distributed import Processes, joined
from gnref.training.schedule import moment
from gnref.training.trainer import Trainer

HERE = Path(__file__).parent


def test_two_processes_are_one_on_the_joined_batch():
    """Weights to the bit against the batch in two parts; gradients against the batch at once to rounding.

    The bound is n·2⁻²⁴ for sums of n = 8·16·16 terms in another order. Under SN only the gradients compare: a batch in
    parts takes a power iteration with each part.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(HERE / "programs" / "two_processes.py")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    for name, (equal, error) in json.loads(done.stdout).items():
        assert equal or "-sn" in name, name
        assert error <= 2048 * 2**-24, name


def test_each_process_draws_noise_of_its_own_for_stylegan(monkeypatch):
    """Latents are parts of one draw; what is drawn within the networks is of another seed in every process."""
    monkeypatch.setattr("gnref.training.trainer.exchanging", lambda objective, *_, **__: objective)
    e = small("shapes-stylegan-gn", phase_images=32)
    seeds, latents = [], []

    def look(module: torch.nn.Module, given: tuple) -> None:
        seeds.append(torch.initial_seed())
        latents.append(given[0])

    for rank, count in ((0, 1), (0, 2), (1, 2)):
        trainer = Trainer(e, images(e), processes=Processes(torch.device("cpu"), rank, count))
        trainer.generator.register_forward_pre_hook(look)
        torch.manual_seed(5)
        trainer._update_generator(moment(e, 0))
    assert torch.equal(latents[0], torch.cat(latents[1:]))
    assert seeds[0] == 5
    assert len(set(seeds)) == 3


def test_the_first_of_several_processes_scores_and_the_others_wait(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "gnref", "train", "shapes16-resnet-gn", "--steps", "3", "--folder", "run", "--no-tensorboard"]
    command += ["--settings", "width=1", "latent=4", "batch=4", "generator_batch=4", "--device", "cpu"]
    command += ["--score", "shapes-16", "--score-every", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert done.stdout.splitlines()[0] == "gnref: run: step 3 of 3, done"
    run = Run(tmp_path / "run")
    scored = {line["step"]: next(iter(line["scores"].items())) for line in run.metrics() if "scores" in line}
    assert list(scored) == [2, 3]
    step = min(scored, key=lambda each: scored[each][1])
    assert run.load()["best"] == {"step": step, "name": scored[step][0], "value": scored[step][1]}
    assert scored[step][0].startswith("FID")


def test_torchrun_leaves_the_options_of_train_to_it():
    """torchrun takes an option that is the beginning of one of its own for that one, even behind the module's name."""
    from torch.distributed.run import get_args_parser

    def options_of(kind: type) -> list[str]:
        found = []
        for name, hint in get_type_hints(kind).items():
            found += options_of(hint) if is_dataclass(hint) else [name]
        return found

    options = ["list", *options_of(TrainArguments)]
    assert {"folder", "log_every", "capture"} <= set(options)
    for name in options:
        mine = ["train", "shapes16-cnn-gn", f"--{name.replace('_', '-')}", "1"]
        assert get_args_parser().parse_args(["-m", "gnref", *mine]).training_script_args == mine


def test_a_batch_that_cannot_be_split_is_refused():
    e = small("shapes16-cnn-gn")
    with pytest.raises(UserError, match="batch 4 cannot be split over 3 processes"):
        Trainer(e, images(e), processes=Processes(torch.device("cpu"), 0, 3))


@pytest.mark.parametrize("end", [None, UserError("a mistake"), RuntimeError("a fault"), KeyboardInterrupt()])
def test_the_process_group_is_destroyed_on_every_way_out(end, monkeypatch):
    """A thread of gloo that is at work while the interpreter ends aborts the process: none is left by then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "MASTER_PORT": free.getsockname()[1]}
    for name, value in {**place, "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, str(value))
    with nullcontext() if end is None else pytest.raises(type(end)), joined("cpu"):
        assert torch.distributed.is_initialized()
        if end is not None:
            raise end
    assert not torch.distributed.is_initialized()
