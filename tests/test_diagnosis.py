"""`gnref verify`: twelve styles of discriminators, each diagnosed right and each remedy followed; mistakes told."""

import copy
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from subjects.discriminators import STYLES, Style
from torch import Tensor, nn

import gnref
from gnref.diagnosis import Diagnosis, diagnose, show
from gnref.diagnosis.arguments import VerifyArguments
from gnref.diagnosis.command import verify
from gnref.diagnosis.numbers import in_range, numbers, slack
from gnref.diagnosis.probes import coupling, nonlinearity, untrue_gradient
from gnref.diagnosis.subject import Subject
from gnref.errors import UserError


def samples(style: Style) -> tuple[Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, *style.shape, generator=generator)
    return x, torch.arange(6) % style.classes if style.classes else None


def diagnosed(style: Style, discriminator: nn.Module, reduce: str | None = None) -> Diagnosis:
    return diagnose(discriminator, *samples(style), reduce=reduce, regions=48)  # type: ignore[arg-type]


@functools.cache
def as_built(name: str) -> tuple[nn.Module, Diagnosis]:
    torch.manual_seed(0)
    discriminator = STYLES[name].build()
    return discriminator, diagnosed(STYLES[name], discriminator)


def followed(discriminator: nn.Module, diagnosis: Diagnosis) -> nn.Module:
    """The discriminator after the remedies that name a replacement."""
    for part in diagnosis.broken:
        assert part.remedy.startswith(("replace it by nn.Identity()", "replace it by nn.LeakyReLU(0.2)"))
        better = nn.Identity() if "nn.Identity()" in part.remedy else nn.LeakyReLU(0.2)
        discriminator.set_submodule(part.name, better)
    return discriminator


@pytest.mark.parametrize("name", STYLES)
class TestTwelveStyles:
    def test_the_diagnosis_is_right_and_names_the_modules(self, name: str) -> None:
        style = STYLES[name]
        _, diagnosis = as_built(name)
        assert tuple(part.name for part in diagnosis.broken if part.curved) == style.curved
        assert tuple(part.name for part in diagnosis.broken if part.couples) == style.coupled
        assert bool(diagnosis.maps) == style.maps
        assert diagnosis.repeatable == style.repeatable
        assert diagnosis.holds == (not style.curved and not style.coupled and not style.maps)
        assert diagnosis.uncoupled == (not style.coupled)
        assert diagnosis.piecewise_linear == (not style.curved)
        lead = "\n".join(show.conclusion(diagnosis))
        assert ("The premises hold" in lead) == diagnosis.holds
        for part in diagnosis.broken:
            assert f"{part.name} ({part.kind}): {part.remedy}" in lead

    def test_its_remedy_works(self, name: str) -> None:
        """Then the premises hold, and gradient_normalize takes it with the slopes the theorem says."""
        style = STYLES[name]
        discriminator, before = as_built(name)
        discriminator = style.rebuilt() if style.rebuilt else followed(copy.deepcopy(discriminator), before)
        reduce = "mean" if before.maps else None
        after = diagnosed(style, discriminator, reduce)
        assert after.holds, show.conclusion(after)
        assert after.cost.method == "replay" or after.cost.reason == "it computes too little for the replay to pay"
        for report in after.segments:
            assert report.walk is not None
            assert report.walk.lipschitz()[0] <= 1
            assert report.walk.residual() < 1e-12
        x, labels = samples(style)
        args = () if labels is None else (labels,)
        scores = gnref.gradient_normalize(discriminator, x, *args, reduce=reduce)  # type: ignore[arg-type]
        for head in scores if isinstance(scores, tuple | list) else [scores]:
            assert head.abs().max() <= 1


class TestProbes:
    x = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def test_piecewise_linear_functions_have_no_curvature_at_all(self) -> None:
        assert nonlinearity(lambda x: x.relu() * 3 - x.abs() + x.amax(1, keepdim=True), [self.x]) == 0

    @pytest.mark.parametrize("function", [torch.tanh, torch.square, lambda x: x / x.norm(), lambda x: x * x.relu()])
    def test_others_have(self, function: object) -> None:
        assert nonlinearity(function, [self.x]) > 1e-3  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "function",
        [
            lambda x: x - x.mean(0),
            lambda x: x - x.mean(0).detach(),  # seen by its values alone
            lambda x: x + (x.max() - x.max().round()),
            lambda x: x.cumsum(0).flip(0),
            lambda x: x * x.abs().sum(),  # negated mates leave its values: seen by its derivative alone
        ],
    )
    def test_coupling_is_seen_in_values_or_derivatives(self, function: object) -> None:
        assert coupling(function, [self.x], 6) > 1e-3  # type: ignore[arg-type]

    def test_samples_of_several_rows_are_not_coupled(self) -> None:
        rows = self.x.reshape(12, 2)
        assert coupling(lambda x: x.reshape(6, 2, 2).mean(1), [rows], 6) == 0

    def test_a_gradient_that_is_not_the_derivative_is_seen(self) -> None:
        assert untrue_gradient(lambda x: x * x.detach(), [self.x]) > 0.1
        assert untrue_gradient(lambda x: x + (x.round() - x).detach(), [self.x]) > 0.1
        assert untrue_gradient(lambda x: x.relu() - 3 * x, [self.x]) < 1e-6


class Detached(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / x.detach().norm(dim=1, keepdim=True)


class Steps(nn.Module):
    """A jump that no kink gives away: rounding has derivative 0 everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.1 * (4 * x).round()


class TestDiagnose:
    def test_an_unknown_module_is_not_trusted(self) -> None:
        torch.manual_seed(0)
        diagnosis = diagnose(nn.Sequential(nn.Linear(4, 8), Detached(), nn.Linear(8, 1)), torch.randn(6, 4), regions=48)
        assert [part.name for part in diagnosis.broken] == ["1"]
        assert not diagnosis.piecewise_linear
        assert "take out the detach()" in diagnosis.broken[0].remedy

    def test_a_layer_with_a_hook_or_a_forward_of_its_own_is_not_taken_for_its_class(self) -> None:
        def build() -> nn.Sequential:
            torch.manual_seed(0)
            return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))

        centred, smooth = build(), build()
        centred[1].register_forward_hook(lambda module, args, out: out - out.mean(0))
        smooth[1].forward = torch.tanh  # type: ignore[method-assign]
        x = torch.randn(6, 4)
        for discriminator, premise in ((centred, "uncoupled"), (smooth, "piecewise_linear")):
            diagnosis = diagnose(discriminator, x, regions=0)
            assert [part.name for part in diagnosis.broken] == ["1"]
            assert not getattr(diagnosis, premise)

    def test_a_step_is_found_where_the_pieces_do_not_join(self) -> None:
        torch.manual_seed(0)
        diagnosis = diagnose(nn.Sequential(nn.Linear(4, 8), Steps(), nn.Linear(8, 1)), torch.randn(6, 4), regions=300)
        assert not diagnosis.holds

    def test_a_function_inside_a_forward_is_put_down_to_its_module(self) -> None:
        class Inline(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 1)

            def forward(self, x: Tensor) -> Tensor:
                return self.b(nn.functional.gelu(self.a(x)))

        torch.manual_seed(0)
        diagnosis = diagnose(Inline(), torch.randn(6, 4), regions=48)
        assert [(part.name, part.kind) for part in diagnosis.broken] == [("forward", "Inline")]

    def test_batch_norm_in_evaluation_mode_is_piecewise_linear(self) -> None:
        torch.manual_seed(0)
        discriminator = STYLES["DCGAN with batch norm"].build()
        discriminator[3].eval()  # type: ignore[index]
        assert diagnosed(STYLES["DCGAN with batch norm"], discriminator).holds

    def test_nothing_is_changed(self) -> None:
        torch.manual_seed(0)
        discriminator = STYLES["spectral norm and dropout"].build()
        discriminator[1].eval()  # type: ignore[index]
        state = {name: value.clone() for name, value in discriminator.state_dict().items()}
        modes = [part.training for part in discriminator.modules()]
        random = torch.get_rng_state()
        diagnosed(STYLES["spectral norm and dropout"], discriminator)
        assert all(torch.equal(state[name], value) for name, value in discriminator.state_dict().items())
        assert modes == [part.training for part in discriminator.modules()]
        assert torch.equal(random, torch.get_rng_state())
        assert all(parameter.grad is None and parameter.requires_grad for parameter in discriminator.parameters())

    def test_older_weight_computations_are_copied_after_a_forward_pass(self) -> None:
        discriminator = nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 8)), nn.ReLU(), nn.Linear(8, 1))
        discriminator(torch.randn(2, 4))
        assert diagnose(discriminator, torch.randn(6, 4), regions=48).holds

    def test_numbers_are_those_of_the_definition(self) -> None:
        discriminator = nn.Linear(2, 1, bias=False).double().eval()
        discriminator.weight.data = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
        subject = Subject("linear", discriminator, torch.tensor([[3.0, 4.0], [0.0, 0.0]]).double(), None, None, "")
        found = numbers(subject)
        assert found.score.tolist() == [25, 0]
        assert found.norm.tolist() == [5, 5]
        # 25/30, whose slope is (5/30)²; three roundings.
        assert found.normalized.tolist() == pytest.approx([5 / 6, 0], rel=2.0**-51)
        assert found.slope.tolist() == pytest.approx([1 / 36, 1], rel=2.0**-50)
        # By (1 - |f̂|)² where it is said to be piecewise linear; 0 where ∇f = 0.
        known = numbers(subject, piecewise_linear=True)
        assert known.slope.tolist() == pytest.approx([1 / 36, 1], rel=2.0**-50)
        discriminator.weight.data.zero_()
        assert numbers(subject, piecewise_linear=True).slope.tolist() == [0, 0]
        # t = 5, and 10 for pixels twice as wide.
        assert in_range(found.normalized, 2.0).tolist() == pytest.approx([10 / 11, 0], rel=2.0**-49)

    def test_the_slack_covers_what_is_computed(self) -> None:
        """Scores near 0, where the slope is 1 but for rounding."""
        torch.manual_seed(0)
        discriminator = nn.Sequential(nn.Linear(3072, 16, bias=False), nn.ReLU(), nn.Linear(16, 1, bias=False)).eval()
        x = 1e-9 * torch.randn(64, 3072)
        slopes = numbers(Subject("small", discriminator, x, None, None, "")).slope
        assert 1 - slack(3072, torch.float32) < slopes.max() <= 1 + slack(3072, torch.float32)

    def test_one_sample_is_too_few(self) -> None:
        with pytest.raises(UserError, match="at least 2 samples, got 1"):
            diagnose(nn.Linear(2, 1), torch.randn(1, 2))


MODULE = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 1))

def grey():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 1))

def batch_norm():
    return nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 1))

class Conditional(nn.Module):
    def __init__(self):
        super().__init__()
        self.features, self.embedding = build(), nn.Embedding(2, 1)
    def forward(self, x, y):
        return self.features(x) + self.embedding(y)

def number():
    return 3

def fails():
    raise KeyError("no such layer")
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    (tmp_path / "theirs.py").write_text(MODULE)
    return tmp_path


def write_images(folder: Path, count: int, grey: bool = False, size: int = 16) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        pixels = rng.integers(0, 256, (size, size) if grey else (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")


def run(target: str = "theirs:build", images: Path | None = None, **options: object) -> int:
    arguments = VerifyArguments(images, **({"image_size": 16, "regions": 48} | options))  # type: ignore[arg-type]
    arguments.check()
    return verify(target, arguments)


class TestVerify:
    def test_the_conclusion_comes_first_and_the_exit_code_says_it(
        self, here: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run() == 0
        told = capsys.readouterr().out
        assert told.startswith("The premises hold for theirs:build")
        assert "16 images" not in told.split("data:")[0]
        assert "images drawn by gnref (no --images given), pixels in [-1, 1]" in told
        assert run("theirs:batch_norm") == 1
        assert capsys.readouterr().out.startswith("The premises of gradient normalization do NOT hold")

    def test_reports_and_pictures_are_written(self, here: Path) -> None:
        write_images(here / "images", 5)
        files = {"json": here / "v.json", "html": here / "v.html", "plot": here / "pictures"}
        assert run(images=here / "images", **files) == 0
        report = json.loads((here / "v.json").read_text())
        assert report["premises_hold"] is True
        assert report["exit_code"] == 0
        assert "5 images of" in report["about"]["data"]
        assert {row["claim"] for row in report["rows"]} >= {"piecewise-linear", "samples-uncoupled", "output-range"}
        assert report["conclusion"][0] in (here / "v.html").read_text()
        assert sorted(path.name for path in (here / "pictures").iterdir()) == ["segment.png", "slopes.png"]

    def test_weights_are_those_of_the_file(self, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
        state = {
            "0.weight": torch.zeros(4, 3, 4, 4), "0.bias": torch.ones(4),
            "3.weight": torch.zeros(1, 64), "3.bias": torch.full((1,), 7.0),
        }  # fmt: skip
        save_file(state, here / "w.safetensors")
        run(weights=here / "w.safetensors")
        assert "f, in D's own unit, from 7 to 7; ‖∇f‖, in it by unit of x, from 0 to 0" in capsys.readouterr().out

    def test_sub_folders_are_labels(self, here: Path) -> None:
        write_images(here / "images" / "cats", 2)
        write_images(here / "images" / "dogs", 2)
        assert run("theirs:Conditional", here / "images") == 0
        assert run("theirs:Conditional", here / "images", labels=(1,)) == 0

    def test_grey_images_are_for_one_channel(self, here: Path) -> None:
        write_images(here / "images", 3, grey=True)
        assert run("theirs:grey", here / "images") == 0

    @pytest.mark.parametrize(
        ("target", "options", "told"),
        [
            ("theirs", {}, "expected a callable that returns a discriminator, as my.module:build, got 'theirs'"),
            ("nowhere:build", {}, "there is no module nowhere: expected one in the folder"),
            ("theirs:absent", {}, "theirs has no absent"),
            ("theirs:fails", {}, "theirs:fails cannot be built: KeyError: 'no such layer'"),
            ("theirs:number", {}, "expected theirs:number to return a torch.nn.Module, got int"),
            ("theirs:build", {"images": Path("empty")}, "it holds nothing"),
            ("theirs:build", {"images": Path("missing")}, "there is no such folder"),
            ("theirs:build", {"images": Path("broken")}, "cannot be read as an image"),
            ("theirs:build", {"images": Path("one")}, "at least 2 images, got 1"),
            ("theirs:build", {"images": Path("large")}, "24 x 24 pixels, expected 16 x 16"),
            ("theirs:build", {"images": Path("grey")}, "the images are grey, but theirs:build takes three channels"),
            ("theirs:grey", {"images": Path("flat")}, r"does not score a batch of shape \(2, 3, 16, 16\)"),
            ("theirs:build", {"image_size": 32}, r"does not score a batch of shape \(2, 3, 32, 32\)"),
            ("theirs:Conditional", {"images": Path("flat")}, "is conditional: forward needs 'y'; give --labels 3"),
            ("theirs:Conditional", {"labels": (7,)}, "with labels 7 to 7: IndexError"),
            (
                "theirs:build",
                {"weights": Path("absent.safetensors")},
                r"--weights absent\.safetensors: there is no such file",
            ),
            ("theirs:build", {"weights": Path("pipe.safetensors")}, r"--weights pipe\.safetensors: there is no"),
            ("theirs:build", {"weights": Path("theirs.py")}, "cannot be read as safetensors"),
            ("theirs:build", {"weights": Path("w.safetensors")}, "does not fit the discriminator: Missing key"),
            ("theirs:build", {"range": (1.0, -1.0)}, "--range: expected two numbers in order"),
            ("theirs:build", {"regions": 1}, "--regions: expected from 3 to 10.9, got 1"),
            ("theirs:Conditional", {"labels": (10**20,)}, "--labels: expected classes from 0 to 2.31 - 1, got 1000"),
            ("theirs:Conditional", {"labels": (-1,)}, "--labels: expected classes from 0 to 2.31 - 1, got -1"),
            ("theirs:build", {"json": Path("no/v.json")}, "cannot be written: there is no folder no"),
        ],
    )
    def test_a_mistake_is_told_in_one_sentence(
        self, here: Path, target: str, options: dict[str, object], told: str
    ) -> None:
        (here / "empty").mkdir()
        write_images(here / "broken", 2)
        (here / "broken" / "0.png").write_bytes(b"not a picture")
        write_images(here / "one", 1)
        write_images(here / "large", 2, size=24)
        write_images(here / "flat", 2)
        write_images(here / "grey", 2, grey=True)
        os.mkfifo(here / "pipe.safetensors")
        save_file({"elsewhere": torch.zeros(2)}, here / "w.safetensors")
        with pytest.raises(UserError, match=told) as caught:
            run(target, **options)
        assert "\n" not in str(caught.value)

    def test_the_command_line_ends_with_2_and_no_traceback(self, here: Path) -> None:
        root = Path(__file__).parent.parent
        environment = os.environ | {"PYTHONPATH": str(root)}
        command = [sys.executable, "-m", "gnref", "verify", "theirs:number"]
        ended = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True)
        assert ended.returncode == 2
        assert ended.stderr == "gnref: expected theirs:number to return a torch.nn.Module, got int\n"
