"""The generated parts of the README and of the site's pages: `python tests/pages.py` writes them, a test compares them.

A part stands between `<!-- NAME -->` and `<!-- /NAME -->`; `PARTS` says what makes it.
"""

import ast
import inspect
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def coverage() -> str:
    """Every numbered equation and claiming sentence of the appendix, with its claims."""
    from gnref.claims.coverage import coverage_table

    return coverage_table()


def reproductions() -> str:
    """Every table and figure with its verdict."""
    command = [sys.executable, "reproductions/summary.py"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def study() -> str:
    """What the study found, regime by regime."""
    return _printed("reproductions/findings.py")


def jumps() -> str:
    """What the jump study found, data set by data set."""
    return _printed("reproductions/jumps.py")


def instruments() -> str:
    """What the study's scores see of known damages."""
    return "```\n" + _printed("reproductions/instruments.py", "--check") + "```"


def protocols() -> str:
    """Every protocol of a score with its counts."""
    from gnref.evaluation import PROTOCOLS

    lines = ["| protocol | generated | pixels | real | Inception Score |", "|---|---|---|---|---|"]
    for name, p in PROTOCOLS.items():
        splits = f"{p.splits} splits" if p.splits else "no"
        lines.append(f"| `{name}` | {p.generated:,} | {p.size} x {p.size} | {p.real:,} {p.data} | {splits} |")
    return "\n".join(lines)


def decoding() -> str:
    """What each kind of image file becomes, as the decoder's own documentation says."""
    from gnref.data import decode

    return "\n".join(line for line in (decode.__doc__ or "").splitlines() if line.startswith("|"))


def _printed(script: str, *words: str) -> str:
    return subprocess.run([sys.executable, script, *words], cwd=ROOT, capture_output=True, text=True).stdout


def speed() -> str:
    """The measured ratios of D's gradient and of the gradient G's step takes through D."""
    lines = [
        "| network | double backward | **replay** | the two | through D to G: double backward | **replay** |",
        "|---|---|---|---|---|---|",
    ]
    for file in sorted((ROOT / "asv_bench" / "results").glob("cpu-*.json")):
        figures = json.loads(file.read_text())["figures"]
        plain = [figure for figure in figures if figure["setting"]["layout"] == "plain"]
        ratio = {(f["part"], f["setting"]["method"]): f["to_vanilla"] for f in plain}
        double, replay = (ratio["discriminator gradient", method] for method in ("gn-double-backward", "gn"))
        through = [f"{ratio['score gradient', method]:.2f}" for method in ("gn-double-backward", "gn")]
        row = [file.stem.removeprefix("cpu-"), f"{double:.2f}", f"**{replay:.2f}**", f"{replay / double:.2f}"]
        lines.append("| " + " | ".join([*row, through[0], f"**{through[1]}**"]) + " |")
    return "\n".join(lines)


def history() -> str:
    """What asv counted of ResNet-32's gradient at some commits, oldest first."""
    rows = []
    for file in (ROOT / "asv_bench" / "results" / "asv").glob("*/*-existing-*.json"):
        record = json.loads(file.read_text())
        found: dict[str, dict[str, float]] = {}
        for name, (values, parameters, *_) in record["results"].items():
            cells = itertools.product(*parameters)
            found[name.rsplit(".")[-1]] = {
                m.strip("'"): v for (n, m), v in zip(cells, values, strict=True) if n == "'resnet-32'"
            }
        passes, peak, launches = (found[f"track_{name}"] for name in ("passes", "peak_megabytes", "launches"))
        row = [f"`{record['commit_hash'][:7]}`", *(f"{passes[m]:.2f}" for m in ("gn", "gn-double-backward"))]
        row += [f"{peak[m]:.0f}" for m in ("vanilla", "gn", "gn-double-backward")] + [f"{launches['gn']:.0f}"]
        rows.append((record["date"], "| " + " | ".join(row) + " |"))
    head = [
        "commit",
        "passes: replay",
        "double backward",
        "MB: vanilla",
        "replay",
        "double backward",
        "launches: replay",
    ]
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *(row for _, row in sorted(rows))])


def iterations() -> dict[str, list[dict[str, Any]]]:
    """By network the figures of whole iterations in every layout, with and without GN."""
    files = sorted((ROOT / "asv_bench" / "results").glob("layouts-*.json"))
    return {file.stem.removeprefix("layouts-"): json.loads(file.read_text())["figures"] for file in files}


def layouts() -> str:
    """GN's iteration in every layout, the fastest in bold, over the unnormalized one in the plain layout."""
    from gnref.training.execution import Layout

    names = get_args(Layout)
    lines = ["| network | batch | " + " | ".join(names) + " |", "|---|---" + "|---" * len(names) + "|"]
    for network, figures in iterations().items():
        batch = figures[0]["setting"]["batch"]
        ratio = {(f["setting"]["method"], f["setting"]["layout"]): f["to_plain"] for f in figures}
        fastest = min(value for (method, _), value in ratio.items() if method == "gn")
        cells = []
        for name in names:
            gn, vanilla = ratio.get(("gn", name)), ratio.get(("vanilla", name))
            said = "" if gn is None else f"**{gn:.2f}**" if gn == fastest else f"{gn:.2f}"
            cells.append(said and f"{said} ({vanilla:.2f})")
        lines.append(f"| {network} | {batch} + {batch} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def compiled() -> str:
    """From how many gradients of D on compiling has paid."""
    head = ["network", "layout", "batch", "method", "first, s", "eager, ms", "compiled, ms", "pays from"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for file in sorted((ROOT / "asv_bench" / "results").glob("compiled-*.json")):
        for pays in json.loads(file.read_text())["pays"]:
            s = pays["setting"]
            eager, later = (f"{1000 * pays[key]:.0f}" for key in ("eager", "later"))
            from_ = "never" if pays["pays from"] is None else f"{pays['pays from']:.0f}"
            row = [s["network"], s["layout"], f"{s['batch']} + {s['batch']}", s["method"], f"{pays['first']:.0f}"]
            lines.append("| " + " | ".join([*row, eager, later, from_]) + " |")
    return "\n".join(lines)


def gpu() -> str:
    """What `python -m gnref.measure gpu` found on a GPU."""
    from gnref.measure.summary import summary

    file = ROOT / "asv_bench" / "results" / "gpu.json"
    return summary(json.loads(file.read_text())) if file.exists() else "No GPU has been measured."


def counted() -> str:
    """Passes and memory of D's gradient, by network, layout and method."""
    methods = ("vanilla", "sn", "1-gp", "gn", "gn-double-backward")
    lines = [
        "| network | layout | " + " | ".join(f"{name}: passes, memory" for name in methods) + " |",
        "|---|---" + "|---" * len(methods) + "|",
    ]
    for layout in ("plain", "fused"):
        file = ROOT / "asv_bench" / "results" / f"counted-{layout}.json"
        found: dict[str, dict[str, tuple[float, int]]] = {}
        for figure in json.loads(file.read_text())["figures"]:
            if figure["part"] == "discriminator gradient":
                setting = figure["setting"]
                row = found.setdefault(setting["network"], {})
                row[setting["method"]] = figure["passes"], figure["peak_bytes"]
        for network, row in found.items():
            cells = [f"{row[name][0]:.2f}, {row[name][1] / row['vanilla'][1]:.2f}" for name in methods]
            lines.append(f"| {network} | {layout} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def styles() -> str:
    """The styles of public code and the laws each keeps."""
    return (ROOT / "tests" / "subjects" / "styles.md").read_text()


def conform_capabilities() -> str:
    """What may be declared of a gradient normalization, and what becomes of the laws then."""
    from gnref.conformance.options import ADAPTED, CAPABILITIES

    lines = ["| `--capability` | says | then |", "|---|---|---|"]
    for name, said in CAPABILITIES.items():
        then = "your function is called that way" if name in ADAPTED else "laws that ask for more are left out"
        lines.append(f"| `{name}` | {said} | {then} |")
    return "\n".join(lines)


def conform_options() -> str:
    """The fields of the options, as the command line and the library have them."""
    from gnref.conformance import Options

    return _table("option", {f"--{name.replace('_', '-')}": said for name, said in _field_docs(Options).items()})


def conform_laws() -> str:
    """Every law of an implementation, with its usual cause and remedy, under the address that a finding names."""
    from gnref.conformance.plan import laws

    lines = ["| law | says | usual cause | remedy |", "|---|---|---|---|"]
    for law in laws():
        cells = [law.statement, law.cause, law.remedy]
        lines.append(f'| <a id="law-{law.id}"></a>`{law.id}`, {law.level} | ' + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines)


def vectors() -> str:
    """Why each golden vector is there."""
    from gnref.vectors import FOLDER

    document = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))
    lines = ["| flag | says | vectors |", "|---|---|---|"]
    for flag, said in document["flags"].items():
        names = [vector["id"] for vector in document["vectors"] if flag in vector["flags"]]
        shown = (
            ", ".join(f"`{name}`" for name in names)
            if len(names) < 7
            else f"{len(names)} of {len(document['vectors'])}"
        )
        lines.append(f"| {flag} | {_cell(said)} | {shown} |")
    return "\n".join(lines)


def vectors_schema() -> str:
    """The fields of a golden vector, from its schema."""
    from gnref.vectors import FOLDER

    schema = json.loads((FOLDER / "vectors.schema.json").read_text(encoding="utf-8"))
    fields = schema["$defs"]["vector"]["properties"]
    exact = {f"exact.{name}": rule for name, rule in fields.pop("exact")["properties"].items()}
    layer = {f"layers[].{name}": rule for name, rule in schema["$defs"]["layer"]["properties"].items()}
    told = {name: rule.get("description", "") for name, rule in (fields | layer | exact).items()}
    told |= {"id": "Its name.", "flags": "Why it is there.", "layers[].kind": "`linear` or `convolution`."}
    return _table("field", told)


def _table(head: str, said: dict[str, str]) -> str:
    return "\n".join(
        [f"| {head} | says |", "|---|---|", *(f"| `{name}` | {_cell(text)} |" for name, text in said.items())]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _field_docs(of: type) -> dict[str, str]:
    """The docstring below each field of a dataclass."""
    (body,) = [node for node in ast.parse(inspect.getsource(of)).body if isinstance(node, ast.ClassDef)]
    return {
        field.target.id: " ".join(said.value.value.split())
        for field, said in itertools.pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
    }


def experiments() -> str:
    """How many experiments there are of each data set and network, and their methods."""
    from gnref.training.experiments import EXPERIMENTS

    groups: dict[tuple[str, int, str], list[str]] = {}
    for name, e in EXPERIMENTS.items():
        groups.setdefault((e.dataset, e.size, e.architecture), []).append(name)
    lines = ["| data | size | network | experiments | for instance |", "|---|---|---|---|---|"]
    for (dataset, size, architecture), names in groups.items():
        example = next((name for name in names if name.endswith("-gn")), names[0])
        lines.append(f"| {dataset} | {size} | {architecture} | {len(names)} | `{example}` |")
    return "\n".join(lines)


def recipes() -> str:
    """What each row by the original's recipe has otherwise than the row it is named after."""
    from gnref.training.experiments import EXPERIMENTS

    lines = ["| experiments | setting | by the appendix | by the original's recipe |", "|---|---|---|---|"]
    known: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    for name, e in EXPERIMENTS.items():
        if name.endswith("-original"):
            theirs, ours = e.settings(), EXPERIMENTS[name.removesuffix("-original")].settings()
            differing = tuple((k, str(ours[k]), str(v)) for k, v in theirs.items() if k != "name" and v != ours[k])
            known.setdefault(differing, []).append(name)
    for differing, names in known.items():
        for i, row in enumerate(differing):
            lines.append(f"| {'' if i else ', '.join(f'`{name}`' for name in names)} | {' | '.join(row)} |")
    return "\n".join(lines)


def shifts() -> str:
    """P(round(U(-m, m)) = k) = |[k - 1/2, k + 1/2] ∩ [-m, m]| / 2m, m = size/5."""
    lines = ["| size | each of the inner shifts | the outermost | their probability |", "|---|---|---|---|"]
    for size in (16, 32, 48):
        m = Fraction(size, 5)
        last = round(float(m))
        outer = (m - last + Fraction(1, 2)) / (2 * m)
        inner = 1 / (2 * m)
        lines.append(f"| {size} | {inner} = {float(inner):.4f} | ±{last} | {outer} = {float(outer):.4f} |")
    return "\n".join(lines)


def gallery() -> str:
    """What becomes of discriminators in the styles of public code."""
    return (ROOT / "tests" / "subjects" / "gallery.md").read_text(encoding="utf-8")


def compositions() -> str:
    """What becomes of value and gradient beside other parts of torch."""
    return (ROOT / "tests" / "subjects" / "compositions.md").read_text(encoding="utf-8")


PARTS: dict[str, Callable[[], str]] = {
    "conform-capabilities": conform_capabilities,
    "conform-laws": conform_laws,
    "conform-options": conform_options,
    "decoding": decoding,
    "compiled": compiled,
    "counted": counted,
    "gpu": gpu,
    "history": history,
    "layouts": layouts,
    "experiments": experiments,
    "protocols": protocols,
    "recipes": recipes,
    "coverage": coverage,
    "compositions": compositions,
    "gallery": gallery,
    "jumps": jumps,
    "reproductions": reproductions,
    "shifts": shifts,
    "study": study,
    "instruments": instruments,
    "speed": speed,
    "styles": styles,
    "vectors": vectors,
    "vectors-schema": vectors_schema,
}
"""What makes each part, as Markdown."""


def filled(text: str) -> str:
    """The page with each of its parts made anew."""
    for name, make in PARTS.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if start in text:
            before, rest = text.split(start)
            text = before + start + make().strip("\n") + "\n" + end + rest.split(end)[1]
    return text


def examples(text: str) -> list[str]:
    """The Python blocks of a page that are marked to be run, in order."""
    return re.findall(r"<!-- example[^\n]*-->\n+```python\n(.*?)```", text, re.DOTALL)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
