"""Hostile command lines: mistakes, damaged files and odd surroundings, for every command and reproduction."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from hostile_fixtures import ENDINGS, EXPERIMENT, SMALL


@dataclass(frozen=True)
class Line:
    """One command line. `program` is gnref, a module of it, or a script of reproductions/."""

    program: str
    words: tuple[str, ...]
    codes: tuple[int, ...] = (2,)
    """How it may end."""
    environment: dict[str, str | None] = field(default_factory=dict)
    output: str = ""
    """Where standard output goes: a file for the record, "closed", "full", or "head", a pipe whose reader has gone."""
    writes: bool = False
    """Whether it may leave files behind."""

    def __str__(self) -> str:
        settings = " ".join(f"{name}={'' if value is None else value}" for name, value in self.environment.items())
        ending = {"closed": " >&-", "full": " > /dev/full", "head": " | true"}.get(self.output, "")
        return " ".join(filter(None, (settings, self.program, *map(repr, self.words)))) + ending


def lines(f: Path, reproductions: list[str]) -> list[Line]:
    """All of them; `f` is the folder of the fixtures."""
    groups = (
        _evaluate(f), _sample(f), _exchange(f), _train(f), _verify(f), _conform(f), _claims(), _measure(f),
        _vectors(f), _reproductions(f, reproductions), _surroundings(f, reproductions),
    )  # fmt: skip
    return list(chain.from_iterable(groups))


def _outputs(f: Path) -> list[str]:
    names = ("device", "link", "folder", "pipe", "socket", "nowhere/out.json", "target/out.json", "n" * 300)
    return [*(str(f / name) for name in names), "/proc/out.json", ""]


def _npz(f: Path) -> list[str]:
    names = (
        "few", "objects", "texts", "complex", "integers", "unit", "bytes-as-floats", "nan", "rank", "none", "grey",
        "two", "zero", "text", "truncated", "pipe", "bomb", "no-array", "absent",
    )  # fmt: skip
    return [str(f / f"{name}.npz") for name in names]


def _folders(f: Path) -> list[str]:
    kinds = (
        "broken", "zero", "pipe", "link", "tiff", "size", "oblong", "text", "cmyk", "alpha", "grey16", "bomb", "loop",
    )  # fmt: skip
    return [
        *(str(f / f"images-{kind}") for kind in kinds),
        *(str(f / p) for p in ("empty", "absent", "target", "pipe")),
    ]


def _bad_runs(f: Path) -> list[str]:
    return sorted(str(path) for path in f.glob("run-*") if path.is_dir())


def _bad_weights(f: Path) -> list[str]:
    names = ("foreign", "zero", "text", "header", "json", "pipe", "absent")
    return [str(f / f"{name}.safetensors") for name in names] + [str(f / "target"), str(f / "folder")]


NUMBERS = ("-1", "nan", "1e400", "", "seven", "0x10", "9" * 30)


def _evaluate(f: Path) -> Iterator[Line]:
    good, protocol = str(f / "good.npz"), ("--protocol", "shapes-16")
    for source in (*_npz(f), *_folders(f), str(f / "target"), str(f / "device"), "", "-", "a\nb", "/"):
        yield Line("gnref", ("evaluate", source, *protocol))
    for run in _bad_runs(f):
        # Metrics are no part of a score, and the lock is of those who write.
        fine = "metrics-" in run or "locked" in run or "-setting" in run
        yield Line("gnref", ("evaluate", run, *protocol), codes=(0, 2) if fine else (2,))
    for name in ("", "shapes16", "cifar10", "SHAPES-16", "shapes-16 ", "0", "celebahq-128", "lsun-church"):
        yield Line("gnref", ("evaluate", good, "--protocol", name))
    for features in ("", "vgg", "inception-v3", *_bad_weights(f)):
        yield Line("gnref", ("evaluate", good, *protocol, "--features", features))
    for real in (*_npz(f)[:8], *_folders(f), *_bad_weights(f)):
        yield Line("gnref", ("evaluate", good, *protocol, "--real", real))
    for output in _outputs(f):
        yield Line("gnref", ("evaluate", good, *protocol, "--json", output))
    yield Line("gnref", ("evaluate",))
    yield Line("gnref", ("evaluate", good))
    yield Line("gnref", ("evaluate", good, good, *protocol))
    yield Line("gnref", ("evaluate", good, *protocol, "--seeds", "1"))


def _sample(f: Path) -> Iterator[Line]:
    run = str(f / "run")
    for bad in (*_bad_runs(f), str(f / "empty"), str(f / "absent"), str(f / "target"), str(f / "pipe"), ""):
        fine = "metrics-" in bad or "locked" in bad or "-setting" in bad
        yield Line(
            "gnref", ("sample", bad, "--count", "2", "--out", "out"), codes=(0, 2) if fine else (2,), writes=fine
        )
    for count in ("0", *NUMBERS, "2.5"):
        yield Line("gnref", ("sample", run, "--count", count))
    for seed in NUMBERS:
        yield Line("gnref", ("sample", run, "--count", "1", "--seed", seed))
    for out in _outputs(f):
        fine = out.endswith(("/folder", "/nowhere/out.json"))
        yield Line("gnref", ("sample", run, "--count", "1", "--out", out), codes=(0, 2) if fine else (2,), writes=fine)
    yield Line("gnref", ("sample", run, "--best", "--out", "out"))
    yield Line("gnref", ("sample", run, "--ema", "perhaps"))


def _exchange(f: Path) -> Iterator[Line]:
    for run in (*_bad_runs(f), str(f / "empty"), str(f / "absent"), str(f / "target"), str(f / "pipe"), ""):
        fine = "metrics-" in run or "locked" in run or "-setting" in run or run.endswith(("score-ema", "-generator"))
        yield Line(
            "gnref", ("export", run, "--safetensors", "--out", "out"), codes=(0, 2) if fine else (2,), writes=fine
        )
    run = str(f / "run")
    yield Line("gnref", ("export", run))
    yield Line("gnref", ("export", run, "--safetensors", "--best", "--out", "out"))
    for out in _outputs(f):
        fine = out.endswith(("/folder", "/nowhere/out.json"))
        yield Line("gnref", ("export", run, "--original", "--out", out), codes=(0, 2) if fine else (2,), writes=fine)
    for weights in (*_bad_weights(f), str(f / "good.npz"), str(f / "empty"), run, "", str(f / "images")):
        yield Line("gnref", ("import", weights))
        yield Line("gnref", ("import", weights, "cifar10-resnet-gn", "--folder", "new"))
    checkpoint = str(next((f / "run" / "checkpoints").iterdir()))
    for name in ("", "nonsense", "cifar10-resnet-gn", EXPERIMENT):
        yield Line("gnref", ("import", checkpoint, name, "--folder", "new"))


def _train(f: Path) -> Iterator[Line]:
    start = ("train", EXPERIMENT, "--steps", "2", "--no-tensorboard", "--settings", *SMALL)
    for name in ("", "shapes", "cifar10-resnet-gn-typo", "../x", "SHAPES16-CNN-GN", "-", "a" * 5000):
        yield Line("gnref", ("train", name))
        yield Line("gnref", ("train", "--list", name or "x"), codes=(0, 2))
    for steps in ("0", "2.5", *NUMBERS):
        yield Line("gnref", ("train", EXPERIMENT, "--steps", steps, "--settings", *SMALL))
    settings = {
        "integers": ("n_dis", "batch", "generator_batch", "width", "latent", "size"),
        "floats": ("lr_generator", "lr_discriminator", "beta1", "beta2", "epsilon", "ema_decay",
            "consistency_weight", "penalty_weight"),
        "words": ("loss", "penalty", "normalization", "activation", "decay", "initialization", "dataset",
            "architecture"),
    }  # fmt: skip
    for value in ("0", "-1", "nan", "2.5", "", "9" * 30):
        yield Line("gnref", ("train", EXPERIMENT, "--settings", *SMALL, f"steps={value}"))
    for name in settings["integers"]:
        for value in ("0", "-1", "nan", "2.5", "", "9" * 30):
            yield Line("gnref", (*start, f"{name}={value}"))
    for name in settings["floats"]:
        for value in ("-1", "nan", "inf", "", "x", "1e400"):
            yield Line("gnref", (*start, f"{name}={value}"))
    for name in settings["words"]:
        for value in ("", "other", "HINGE", "0"):
            yield Line("gnref", (*start, f"{name}={value}"))
    for word in (
        "",
        "=",
        "loss",
        "=hinge",
        "momentum=1",
        "name=x",
        "classes=-1",
        "classes=10",
        "size=7",
        "size=100000000",
        "score_ema=2",
        "width=100000000",
        "latent=100000000000",
    ):
        yield Line("gnref", (*start, word))
    # A step that asks for more memory than there is has begun a run that could go on elsewhere.
    yield Line("gnref", (*start, "batch=100000000"), writes=True)
    for option in ("log", "sample", "checkpoint", "score"):
        for value in ("0", *NUMBERS[:4]):
            yield Line("gnref", (*start, f"--{option}-every", value))
    for option, values in {
        "keep": ("0", "-1", "x"),
        "accumulate": ("0", "-1", "3", "100"),
        "device": ("tpu", "cuda:99", "cuda:-1", "", "meta", "CPU", "mps", "cpu:7x"),
        "seeds": ("x", "1.5", "nan", ""),
        "shard": ("", "0/1", "2/1", "1", "a/b", "1/0", "-1/2", "1/2/3"),
        "capture": ("never", "cuda-graph"),
        "layout": ("none",),
        "score": ("", "nothing", "cifar10-train", "shapes"),
    }.items():
        for value in values:
            yield Line("gnref", (*start, f"--{option}", value))
    for folder in filter(None, _outputs(f)):
        if not folder.endswith(("/folder", "/nowhere/out.json")):
            yield Line("gnref", (*start, "--folder", folder))
    for run in _bad_runs(f):
        yield Line("gnref", (*start, "--folder", run), codes=(0, 2), writes=True)
    for data in (*_folders(f), *_npz(f)[:6]):
        yield Line("gnref", ("train", "celebahq-128-resnet-gn", "--data", data, "--steps", "1"))
        yield Line("gnref", ("train", "cifar10-cnn-gn", "--data", data, "--steps", "1"))
    yield Line("gnref", ("train", "cifar10-cnn-gn"))
    yield Line("gnref", ("train", EXPERIMENT, "shapes16-cnn-sn", "--folder", "x"))


def _verify(f: Path) -> Iterator[Line]:
    modules = {"PYTHONPATH": str(f / "modules")}
    start = ("verify", "good:build", "--image-size", "16", "--regions", "20")
    targets = (
        "", ":", "good", "good:", ":build", "good:absent", "absent:build", "good:build:more", "syntax:build",
        "nothing:build", "nothing:number", "asks:build", "bytes:build", "good.build",
        "../good:build",
        "returns_text:build", "returns_empty:build", "returns_scalar:build",
    )  # fmt: skip
    for target in targets:
        yield Line("gnref", ("verify", target, *start[2:]), environment=modules)
    flat = ("--images", str(f / "images"))
    yield Line("gnref", ("verify", "conditional:build", *flat, *start[2:]), environment=modules)
    yield Line("gnref", ("verify", "returns_nan:build", *start[2:]), codes=(1, 2), environment=modules)
    for name in ENDINGS:
        for moment in ("import", "build", "call"):
            yield Line("gnref", ("verify", f"{moment}_{name}:build", *start[2:]), environment=modules)
    for images in (*_folders(f), str(f / "images-one"), str(f / "good.npz")):
        yield Line("gnref", (*start, "--images", images), environment=modules)
    for weights in _bad_weights(f):
        yield Line("gnref", (*start, "--weights", weights), environment=modules)
    for size in ("0", "7", "100000000", *NUMBERS):
        yield Line("gnref", ("verify", "good:build", "--image-size", size), environment=modules)
    for low, high in (("1", "-1"), ("0", "0"), ("nan", "1"), ("0", "inf"), ("x", "y"), ("-1e400", "0")):
        yield Line("gnref", (*start, "--range", low, high), environment=modules)
    for regions in ("0", "2", *NUMBERS):
        yield Line("gnref", ("verify", "good:build", "--image-size", "16", "--regions", regions), environment=modules)
    for option in ("json", "html", "plot"):
        for output in _outputs(f):
            if not (option == "plot" and output.endswith(("/folder", "/nowhere/out.json"))):
                yield Line("gnref", (*start, f"--{option}", output), environment=modules)
    yield Line("gnref", (*start, "--json", "same", "--html", "same"), environment=modules)
    yield Line("gnref", (*start, "--labels", "99999999999999999999"), environment=modules)


def _conform(f: Path) -> Iterator[Line]:
    modules = {"PYTHONPATH": str(f / "modules")}
    for subject in (
        "",
        ":",
        "good",
        "good:absent",
        "absent:normalize",
        "syntax:normalize",
        "nothing:normalize",
        "nothing:number",
        "bytes:normalize",
    ):
        yield Line("gnref", ("conform", subject), environment=modules)
    for name in ENDINGS:
        yield Line("gnref", ("conform", f"import_{name}:normalize", "--limit", "20s"), environment=modules)
    for option, values in {
        "budget": ("", "0", "-1s", "ten", "1h", "nan"),
        "limit": ("", "0", "-1s", "inf", "9" * 30),
        "eps": ("-1", "nan", "inf", "1", "x"),
        "seed": ("-1", "x", "9" * 30),
        "device": ("tpu", "", "cuda:x"),
        "capability": ("fast", ""),
        "expect": ("value", "=", "no-such-law=because", ""),
        "generator": ("absent:step", "", "nothing:number"),
    }.items():
        for value in values:
            yield Line("gnref", ("conform", "good:normalize", f"--{option}", value), environment=modules)
    for output in _outputs(f):
        yield Line("gnref", ("conform", "good:normalize", "--json", output), environment=modules)


def _claims() -> Iterator[Line]:
    for name in ("", "theorem", "THEOREM-6", "6", "theorem-6 ", "a" * 5000, "\n", "ζ", "\udcff", "../claims"):
        yield Line("gnref", ("claims", name))
    yield Line("gnref", ("claims", "theorem-5", "theorem-6"))
    yield Line("gnref", ("claim",))
    yield Line("gnref", ("trian", EXPERIMENT))
    yield Line("gnref", ("", "claims"))
    yield Line("gnref", ("--claims",))


def _measure(f: Path) -> Iterator[Line]:
    start = ("--device", "meta", "--count", "--batch", "2", "--method", "gn")
    for option, values in {
        "network": ("", "vgg"), "method": ("", "sgd"), "part": ("", "all"), "layout": ("", "diagonal"),
        "batch": ("0", *NUMBERS), "width": ("0", *NUMBERS), "rounds": NUMBERS, "threads": ("0", *NUMBERS),
        "device": ("", "tpu", "cuda:99"), "precision": ("", "fp8"), "capture": ("", "always"), "json": _outputs(f),
    }.items():  # fmt: skip
        for value in values:
            yield Line("-m gnref.measure", (*start, f"--{option}", value))


def _vectors(f: Path) -> Iterator[Line]:
    for place in ("nowhere", "target", "pipe", "device", "socket"):
        yield Line("-m gnref.vectors", (str(f / place),))


def _reproductions(f: Path, names: list[str]) -> Iterator[Line]:
    for name in names:
        for words in (
            (), ("--chek",), ("--check", "--scale", "huge"), ("--check", "--cell", "nonsense"), ("--run", "--cell", ""),
            ("--dry-run", "--cell", "nonsense"), ("--run", "--jobs", "0"), ("--run", "--jobs", "x"),
            ("--check", "--samples", str(f / "absent")), ("--check", "--samples", str(f / "images-broken")),
            ("--run", "--jobs", "-3"),
        ):  # fmt: skip
            yield Line(f"reproductions/{name}", words, codes=(2, 77))
        for data in ("absent", "target", "pipe", "empty"):
            yield Line(f"reproductions/{name}", ("--dry-run", "--data", str(f / data)), codes=(0, 2))


def _surroundings(f: Path, names: list[str]) -> Iterator[Line]:
    """Sound command lines in a world that is not."""
    claims, good = ("claims", "theorem-6"), ("evaluate", str(f / "good.npz"), "--protocol", "shapes-16")
    train = ("train", EXPERIMENT, "--steps", "1", "--no-tensorboard", "--settings", *SMALL)
    for words in (claims, ("claims",), ("--help",), ("train", "--help"), ("train", "--list"), ("--version",)):
        yield Line("gnref", words, codes=(0,), output="closed")
        yield Line("gnref", words, codes=(0,), output="head")
        yield Line("gnref", words, codes=(2,), output="full")
        yield Line("gnref", words, codes=(0,), environment={"PYTHONIOENCODING": "ascii"})
        yield Line("gnref", words, codes=(0,), environment={"COLUMNS": "1"})
        yield Line("gnref", words, codes=(0,), environment={"COLUMNS": "x", "TERM": None})
        yield Line("gnref", words, codes=(0,), environment={"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"})
        yield Line("gnref", words, codes=(0,), environment={"HOME": None, "GNREF_CACHE": None})
    for name in names:
        yield Line(f"reproductions/{name}", ("--check",), codes=(2,), output="full")
        yield Line(f"reproductions/{name}", ("--check",), codes=(0, 1, 3, 77), environment={"COLUMNS": "1"})
        yield Line(
            f"reproductions/{name}", ("--check",), codes=(0, 1, 3, 77), environment={"PYTHONIOENCODING": "ascii"}
        )
    yield Line("gnref", good, codes=(2,), output="full")
    yield Line("gnref", good, codes=(0,), environment={"PYTHONIOENCODING": "ascii", "COLUMNS": "1"})
    for missing in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        world = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29999"}
        yield Line(
            "gnref",
            train,
            environment={**world, missing: None},
            codes=(0, 2) if missing == "WORLD_SIZE" else (2,),
            writes=missing == "WORLD_SIZE",
        )
    for name, value in {"RANK": "x", "WORLD_SIZE": "0", "RANK ": "5", "MASTER_PORT": "x"}.items():
        world = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29998"}
        yield Line("gnref", train, environment={**world, name.strip(): value})
    for place in ("target", "/proc/cache", "pipe"):
        real = ("--real", str(f / "good.npz"))
        yield Line("gnref", (*good, *real), environment={"GNREF_CACHE": str(f / place)})
        yield Line("gnref", (*good, *real), environment={"GNREF_CACHE": None, "HOME": str(f / place)})
    for place in ("target", "pipe", "absent"):
        yield Line(
            "gnref",
            (*good, "--features", "inception"),
            environment={"TORCH_HOME": str(f / place), "no_proxy": "*", "https_proxy": "http://127.0.0.1:9"},
        )
