"""What the GPU day found, as Markdown: the page that `gpu.json` is read by."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gnref.measure.timing import ratio

PRECISIONS = ("float32", "tf32", "bf16")


def summary(report: Mapping[str, Any]) -> str:
    """The device, what held and what did not, and each stage's table; stages that found nothing are named as such."""
    found = {name: stage["result"] for name, stage in report["stages"].items()}
    where = ", ".join(f"{name} {value}" for name, value in report["environment"].items())
    parts = [where + ".", "\n".join(_failures(report["stages"]))]
    parts += [make(found[name]) for name, make in _TABLES.items() if found.get(name)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _failures(stages: Mapping[str, Any]) -> Iterable[str]:
    for name, stage in stages.items():
        if "failed" in stage:
            yield f"- {name} is not whole: {stage['failed']}"


def _equal(title: str, found: Mapping[str, bool]) -> str:
    """Which parts agree bit for bit, and which do not."""
    lines = (f"{word}: {', '.join(names)}" for word, names in _split(found).items() if names)
    return f"{title}, bit for bit. " + "; ".join(lines) + "."


def _split(found: Mapping[str, bool]) -> dict[str, list[str]]:
    return {word: [name for name, equal in found.items() if equal is truth] for word, truth in _WORDS.items()}


_WORDS = {"equal": True, "**different**": False}


def _precision(found: Mapping[str, float]) -> str:
    rows = [
        [method, *(f"{found[key]:.1e}" if (key := f"{method}, {kind}") in found else "" for kind in PRECISIONS)]
        for method in ("gn", "gn-double-backward")
    ]
    return "D's gradient, distance to float32's double backward on the CPU:\n\n" + _table(["method", *PRECISIONS], rows)


def _one_number(title: str, unit: float, found: Mapping[str, float]) -> str:
    return f"{title}:\n\n" + _table(list(found), [[f"{value / unit:.0f}" for value in found.values()]])


def _table1(found: Mapping[str, Any]) -> str:
    """Ratios of time to vanilla's in the same round; the generator's column is one step of each, as in Table 1."""
    seconds: Mapping[str, Sequence[float]] = found["seconds"]
    methods = list(dict.fromkeys(name.split(", ")[0] for name in seconds))
    d = {method: seconds[f"{method}, discriminator step"] for method in methods}
    g = {method: seconds[f"{method}, generator step"] for method in methods}
    both = {method: [a + b for a, b in zip(d[method], g[method], strict=True)] for method in methods}
    rows = [[m, *(f"{ratio(times[m], times['vanilla']):.2f}" for times in (d, both))] for m in methods]
    return "Table 1's ratios of time:\n\n" + _table(["method", "D's step", "D's and G's step"], rows)


def _steps(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    rows = []
    for computed, figures in found.items():
        for figure in figures:
            s = figure["setting"]
            times = [f"{figure['milliseconds']:.2f}", *(f"{figure[key]:.2f}" for key in ("to_vanilla", "to_plain"))]
            rows.append([computed, s["layout"], s["method"], figure["part"], *times])
    head = ["computed", "layout", "method", "part", "ms", "to vanilla", "to vanilla, plain"]
    return "Steps, medians:\n\n" + _table(head, rows)


def _properties(found: Mapping[str, Mapping[str, Any]]) -> str:
    passed, skipped = (sum(file[word] for file in found.values()) for word in ("passed", "skipped"))
    failed = [name for file in found.values() for name in file["failed"]]
    said = f"Properties on the device: {passed} passed, {skipped} skipped, {len(failed)} failed."
    return "\n".join([said, *(f"- {name}" for name in failed)])


def _compiled(found: Mapping[str, Mapping[str, float | None]]) -> str:
    rows = []
    for method, f in found.items():
        pays = "never" if f["pays from"] is None else f"{f['pays from']:.0f} gradients"
        eager, later = (f"{1000 * (f[key] or 0):.1f}" for key in ("eager", "later"))
        rows.append([method, f"{f['first']:.1f}", eager, later, pays])
    head = ["method", "first, s", "eager, ms", "compiled, ms", "pays from"]
    return "Compiling D's gradient:\n\n" + _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


_TABLES = {
    "graphs": lambda found: _equal("A CUDA graph's gradient and the eager one", found),
    "precision": _precision,
    "one-process": lambda found: _equal("DDP in a group of one process and the gradient without it", found),
    "memory": lambda found: _one_number("MB at most alive in D's gradient", 1e6, found),
    "launches": lambda found: _one_number("Kernels (on a CPU calls) of D's gradient", 1, found),
    "table1": _table1,
    "steps": _steps,
    "properties": _properties,
    "compiled": _compiled,
}
