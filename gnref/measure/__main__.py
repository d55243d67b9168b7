"""`python -m gnref.measure`: a readable table of what the methods' steps cost here, and the same as JSON.

`python -m gnref.measure gpu --out DIR` measures and checks what only a GPU can tell.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import torch

from gnref.allocation import keep_freed_memory
from gnref.devices import device_named
from gnref.errors import UserError, one_sentence
from gnref.files import check_outputs, write_atomically
from gnref.measure import gpu
from gnref.measure.methods import METHODS, NETWORKS
from gnref.measure.steps import PARTS, Part, Setting
from gnref.measure.tables import Figure, measured, pays_from
from gnref.measure.timing import environment
from gnref.training.execution import Capture, Layout


def main() -> int:
    """Measure, print, and write."""
    code = 0
    with one_sentence("gnref.measure"):
        if sys.argv[1:2] == ["gpu"]:
            return gpu.main(sys.argv[2:])
        options = _options()
        for name in ("batch", "width", "rounds", "threads"):
            value = getattr(options, name)
            if value is not None and not 1 <= value <= 2**31:
                raise UserError(f"--{name}: expected a number from 1 to 2^31, got {value}")
        device_named(options.device, ("cpu", "cuda", "meta"))
        check_outputs({"--json": options.json})
        torch.set_num_threads(options.threads)
        keep_freed_memory()
        code = _measure(options)
    return code


def _measure(options: Any) -> int:
    where = {**environment(options.device), "precision": options.precision, "capture": options.capture}
    where |= {"about": options.about} if options.about else {}
    print("\n".join(f"{key}: {value}" for key, value in where.items()), flush=True)
    figures: list[Figure] = []
    pays: list[dict[str, Any]] = []
    for network in options.network:
        settings = [
            Setting(
                network,
                method,
                options.batch,
                options.device,
                options.precision,
                layout,
                options.capture,
                options.width,
            )
            for layout in options.layout
            for method in options.method
        ]
        parts: list[Part] = options.part
        found = measured(settings, parts, 0 if options.count else options.rounds)
        print("\n".join(_lines(found)), flush=True)
        figures += found
        if options.capture != "eager" and not options.count:
            worth = [(setting, pays_from(setting)) for setting in settings]
            print("\n".join(_paying(setting, found) for setting, found in worth), flush=True)
            pays += [{"setting": asdict(setting), **found} for setting, found in worth]
    if options.json:
        report = {"command": " ".join(sys.argv[1:]), "environment": where, "figures": [f.as_json() for f in figures]}
        report |= {"pays": pays} if pays else {}
        write_atomically(options.json, json.dumps(report, indent=1) + "\n")
    return 0


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m gnref.measure", description=__doc__)
    add = parser.add_argument
    add("--network", nargs="+", choices=NETWORKS, default=["resnet-32"])
    add("--method", nargs="+", choices=METHODS, default=["vanilla", "gn", "gn-double-backward"])
    add("--part", nargs="+", choices=PARTS, default=["discriminator gradient", "score gradient"])
    add("--layout", nargs="+", choices=get_args(Layout), default=["plain"])
    add("--batch", type=int, default=16, help="reals in a step, with as many fakes")
    add("--width", type=int, default=None, help="of the networks; the paper's by default")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--precision", choices=("float32", "tf32", "bf16"), default="float32")
    add("--capture", choices=get_args(Capture), default="eager")
    add("--rounds", type=int, default=7)
    add("--threads", type=int, default=1, help="of the CPU; the process's time adds up over all of them")
    add("--count", action="store_true", help="count only; on the device meta this needs no memory")
    add("--about", default="", help="what else a reader should know, such as whether the machine was shared")
    add("--json", type=Path, default=None)
    return parser.parse_args()


def _lines(figures: Sequence[Figure]) -> list[str]:
    first = figures[0].setting
    lines = [f"\n{first.network}, batch {first.batch}+{first.batch}"]
    lines.append(
        f"{'part':<23} {'method':<19} {'layout':<20} {'ms':>9} {'to vanilla':>10} {'to plain':>9} {'passes':>7} "
        f"{'GFLOP':>8} {'launches':>8} {'peak MB':>8}"
    )
    for figure in figures:
        s = figure.setting
        time, vanilla, plain = (_number(n) for n in (figure.milliseconds, figure.to_vanilla, figure.to_plain))
        lines.append(
            f"{figure.part:<23} {s.method:<19} {s.layout:<20} {time:>9} {vanilla:>10} {plain:>9} {figure.passes:>7.2f} "
            f"{figure.gflop:>8.2f} {figure.launches:>8} {figure.peak_bytes / 1e6:>8.1f}"
        )
    return lines


def _paying(setting: Setting, found: Mapping[str, float | None]) -> str:
    from_, first = found["pays from"], found["first"]
    when = "never" if from_ is None else f"from {from_:.0f} gradients of D on"
    return f"{setting.method}, {setting.layout}: {setting.capture} pays {when}; the first took {first:.1f} s"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}" if value >= 100 else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
