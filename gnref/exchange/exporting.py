"""`gnref export`: a run's weights for others, as safetensors with a model card or as the original code's checkpoint."""

import io
import json
from pathlib import Path

from gnref.errors import UserError


def export(
    run: Path, /, safetensors: bool = False, original: bool = False, out: Path | None = None, best: bool = False
) -> int:
    """Write a run's weights for others to load: safetensors with a model card, the original code's model.pt, or both.

    Args:
        run: The run folder.
        safetensors: Write generator, its average and discriminator as .safetensors, and a model card.
        original: Write model.pt as the original code names and loads it.
        out: The folder for them; by default RUN/export.
        best: The checkpoint with the best score instead of the last.
    """
    if not (safetensors or original):
        raise UserError("say what to write: --safetensors, --original, or both")
    # Here and not above: `gnref --help` reads this file and has no use for PyTorch.
    import torch

    from gnref.exchange.card import card
    from gnref.exchange.names import CHECKPOINT, to_original
    from gnref.exchange.reading import FILES
    from gnref.files import check_outputs, write_atomically
    from gnref.runs import Run, build_generator, load_state, load_weights
    from gnref.training.experiment import from_settings
    from gnref.training.objectives import make_networks

    source, out = Run(run), out or run / "export"
    check_outputs({}, {"--out": out})
    description, state = source.description(), load_state(source, best)
    e = from_settings(description["experiment"])
    # Whoever loads the export finds a generator that can be built, with weights that fit it.
    networks = {"generator": build_generator(description["generator"]), "discriminator": make_networks(e)[1]}
    for name in FILES:
        load_weights(networks.get(name, networks["generator"]), state.get(name), str(run))
    files: dict[str, bytes | str] = {}
    if safetensors:
        from safetensors.torch import save

        for name, file in FILES.items():
            files[file] = save({key: value.cpu().contiguous() for key, value in state[name].items()})
        files["experiment.json"] = json.dumps({**description, "step": state["step"]}, indent=2) + "\n"
        files["README.md"] = card(e, description, state["step"], source.metrics())
    if original:
        buffer = io.BytesIO()
        weights = {theirs: to_original(e, who, state[name]) for name, (theirs, who) in CHECKPOINT.items()}
        torch.save({**weights, "step": state["step"]}, buffer)
        files["model.pt"] = buffer.getvalue()
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_atomically(out / name, content)
    print(f"gnref: {out}: {', '.join(files)}, of step {state['step']}")
    return 0
