"""The model card of an export: what the weights are, what they score, and how to load them without the trainer."""

from collections.abc import Mapping, Sequence
from typing import Any

from gnref.exchange.reading import FILES
from gnref.training.experiment import Experiment


def card(e: Experiment, description: Mapping[str, Any], step: int, metrics: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: the run, its last scores up to `step`, and a program that draws 16 images."""
    spec = description["generator"]
    arguments = ", ".join(f"{name}={value!r}" for name, value in spec["arguments"].items())
    labels = f", torch.arange(16) % {e.classes}" if e.classes else ""
    scored = [line for line in metrics if "scores" in line and line["step"] <= step]
    rows = {
        "experiment": e.name,
        "data": e.dataset,
        "updates of G": f"{step} of {e.steps}",
        "seed": description.get("seed", "unknown"),
        "commit of gnref": description.get("commit", "unknown"),
        "gnref, torch": f"{description['gnref']}, {description['torch']}",
        "best weights": FILES["average" if e.score_ema else "generator"] + ", which the experiment scores",
        **(
            {f"{name}, at update {scored[-1]['step']}": f"{value:.4g}" for name, value in scored[-1]["scores"].items()}
            if scored
            else {"scores": "none were computed while training; see gnref evaluate"}
        ),
    }
    settings = "\n".join(f"| {name} | {value} |" for name, value in e.settings().items() if name != "name")
    return f"""---
library_name: gnref
tags: [gan, gradient-normalization]
---
# {e.name}

A generator and a discriminator trained with `gnref train {e.name}`, {step} updates of G.

| what | value |
|---|---|
{chr(10).join(f"| {name} | {value} |" for name, value in rows.items())}

`{FILES["generator"]}` are G's own weights, `{FILES["average"]}` their moving average, `{FILES["discriminator"]}` D's,
before normalization. To draw images:

```python
import torch
from gnref.networks import {spec["class"]}
from safetensors.torch import load_file

generator = {spec["class"]}({arguments})
generator.load_state_dict(load_file("{FILES["average" if e.score_ema else "generator"]}"))
generator.eval()
with torch.no_grad():
    images = generator(torch.randn(16, {e.latent}){labels})  # (16, 3, {e.size}, {e.size}) in [-1, 1]
```

`gnref import FOLDER` makes a run folder of this one, for `gnref sample` and `gnref evaluate`.

## Every setting

| setting | value |
|---|---|
{settings}
"""
