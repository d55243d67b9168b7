"""PyTorch's process-wide switches: a subject that flips one is told, and judged as if it had not."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from gnref.laws import Case, Normalize
from gnref.laws.examples import network_cases
from gnref.laws.law import law


def _set_device(device: torch.device) -> None:
    # Without a default device PyTorch reports the CPU; None takes a default away.
    torch.set_default_device(None if device == torch.device("cpu") else device)


def _set_deterministic(mode: int) -> None:
    torch.set_deterministic_debug_mode(mode)


_SWITCHES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "the default device": (torch.get_default_device, _set_device),
    "gradient mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "anomaly mode": (torch.is_anomaly_enabled, torch.set_anomaly_enabled),
    "the number of threads": (torch.get_num_threads, torch.set_num_threads),
    "deterministic algorithms": (torch.get_deterministic_debug_mode, _set_deterministic),
    "float32 matrix products": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "cuDNN's determinism": (
        lambda: torch.backends.cudnn.deterministic,
        lambda on: setattr(torch.backends.cudnn, "deterministic", on),
    ),
    "cuDNN's benchmark mode": (
        lambda: torch.backends.cudnn.benchmark,
        lambda on: setattr(torch.backends.cudnn, "benchmark", on),
    ),
}


def switches() -> dict[str, Any]:
    """How every switch stands now."""
    return {name: get() for name, (get, _) in _SWITCHES.items()}


def restore(before: dict[str, Any]) -> list[str]:
    """Set every switch back to how it stood; what had changed, such as "the default dtype: torch.float32 -> ..."."""
    changed = []
    for name, value in switches().items():
        if value != before[name]:
            changed.append(f"{name}: {before[name]} before, {value} after")
            _SWITCHES[name][1](before[name])
    return changed


@law("normalized-function", evidence="equality", fixed=lambda: list(network_cases())[:1])
def global_switches(normalize: Normalize, case: Case) -> float:
    """A call, its backward pass, and a call under no_grad leave PyTorch's process-wide switches alone.

    Usual cause: torch.set_default_dtype, set_grad_enabled or set_detect_anomaly is called and not undone.
    Remedy: Use a context manager, such as torch.enable_grad(), inside the function.
    """
    before = switches()
    scores = normalize(case.module(), case.x())
    changed = restore(before)
    if scores.requires_grad:
        torch.autograd.backward(scores.sum())
    changed += restore(before)
    with torch.no_grad():
        before = switches()
        with suppress(RuntimeError):  # autograd's own refusal flips nothing
            normalize(case.module(), case.x())
        changed += restore(before)
    if changed:
        raise AssertionError(f"expected PyTorch's switches as they were, got {'; '.join(changed)}")
    return 0.0
