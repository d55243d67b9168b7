"""Which modules of a discriminator break a premise: each is run alone on the inputs it gets, and probed by numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnref.diagnosis.probes import coupling, nonlinearity, untrue_gradient
from gnref.remedies import remedy

CURVED = COUPLED = 1e-9
"""In float64: more than that is no rounding; Hessians and derivatives across samples are exact zeros as a rule."""
UNTRUE = 1e-3
"""Of a finite difference against the gradient; kinks between its points leave far less."""


_KEPT = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.ReLU,
    nn.LeakyReLU, nn.PReLU, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.Flatten, nn.Identity,
)  # fmt: skip
"""Classes that keep every premise whatever their numbers are: as they are, they need no probe."""


@dataclass(frozen=True)
class Probe:
    """What three numeric probes say of one function of the samples."""

    curved: float
    coupled: float
    untrue: float

    def faults(self) -> dict[str, str]:
        """What is wrong, in words with the number, by the probe that says so; empty where nothing is."""
        told = {
            "coupled": (COUPLED, f"couples the samples of a batch ({self.coupled:.1g})"),
            "curved": (CURVED, f"is not piecewise linear (curvature {self.curved:.1g})"),
            "untrue": (UNTRUE, f"has another derivative than PyTorch computes (off by {self.untrue:.1g})"),
        }
        # Written so that a NaN is a fault.
        return {name: text for name, (bound, text) in told.items() if not getattr(self, name) <= bound}


@dataclass(frozen=True)
class Broken:
    """A module that breaks a premise, by name, with its class, what is wrong and what to do."""

    name: str
    kind: str
    fault: str
    remedy: str
    couples: bool
    curved: bool


def probe(module: nn.Module, function: Callable[..., Tensor], inputs: list[Tensor], samples: int) -> Probe:
    """All three probes of a function of `inputs`, the samples along axis 0, that `module` computes.

    Its buffers and the random state are put back before every call, so that dropout draws the same mask and a spectral
    norm starts from the same vectors: what differs between two calls otherwise is neither curvature nor coupling.
    """
    function = _repeatable(module, function)
    return Probe(
        nonlinearity(function, inputs),
        coupling(function, inputs, samples) if samples > 1 else 0.0,
        untrue_gradient(function, inputs),
    )


def breaking_modules(discriminator: nn.Module, run: Callable[[], Any], samples: int, whole: Probe) -> list[Broken]:
    """The innermost modules that break a premise when run alone on what they get during `run()`.

    A module that only passes on what a module inside it does wrong is not named. `discriminator` is in the mode it is
    used in, in float64, with parameters that require no gradient; `run` feeds it samples that do. `whole` is what was
    found of the discriminator itself; layers that keep every premise by what they are, such as convolutions and ReLU,
    are not probed.
    """
    calls = _recorded(discriminator, run)
    found: dict[str, Broken] = {}
    # Children come after their parents in named_modules, so the innermost are met first in reverse.
    for name, module in reversed(list(discriminator.named_modules())):
        inside = any(other.startswith(f"{name}." if name else "") for other in found)
        if inside or name not in calls or _is_known(module):
            continue
        try:
            result = probe(module, calls[name].function(module), calls[name].inputs, samples) if name else whole
        except (RuntimeError, NotImplementedError):
            continue  # Something that has no second derivative, or no axis of samples, is seen from outside.
        if faults := result.faults():
            couples, curved = "coupled" in faults, "curved" in faults
            text = remedy(module, couples, not couples and not curved)
            found[name] = Broken(
                name or "forward", type(module).__name__, " and ".join(faults.values()), text, couples, curved
            )
    return list(reversed(found.values()))


def _is_known(module: nn.Module) -> bool:
    """Whether it computes what its class says: of the class itself, with no hook and no forward of its own."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return type(module) in _KEPT and not any(hooks) and "forward" not in vars(module)


def _repeatable(module: nn.Module, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    kept = {name: buffer.clone() for name, buffer in module.named_buffers()}

    def call(*inputs: Tensor) -> Tensor:
        with torch.no_grad():
            for name, buffer in module.named_buffers():
                buffer.copy_(kept[name])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return function(*inputs)

    return call


@dataclass(frozen=True)
class _Call:
    """One call of a module: the tensors among its arguments that depend on x, and the rest as they were."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: list[Tensor]

    def function(self, module: nn.Module) -> Callable[..., Tensor]:
        """The module as a function of `inputs` alone, its floating outputs in one tensor (rows, ...)."""

        def call(*inputs: Tensor) -> Tensor:
            fresh = iter(inputs)
            args = [next(fresh) if _moves(value) else value for value in self.args]
            kwargs = {key: next(fresh) if _moves(value) else value for key, value in self.kwargs.items()}
            return joined(module(*args, **kwargs))

        return call


def joined(output: Any) -> Tensor:
    """The floating tensors of an output, flattened from axis 1 on and side by side: (rows, ...)."""
    parts = output if isinstance(output, tuple | list) else (output,)
    tensors = [part for part in parts if isinstance(part, Tensor) and part.is_floating_point() and part.dim()]
    if not tensors or len({len(part) for part in tensors}) > 1:
        raise RuntimeError("no tensors with the samples along axis 0")
    return torch.cat([part.reshape(len(part), -1) for part in tensors], dim=1)


def _moves(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _off_kinks(value: Tensor) -> Tensor:
    """Moved a little: the zeros that a ReLU leaves are ties in a pooling window, where alone it has no derivative."""
    noise = torch.randn(value.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return value + 0.01 * value.square().mean().sqrt() * noise.to(value)


def _recorded(discriminator: nn.Module, run: Callable[[], Any]) -> dict[str, _Call]:
    calls: dict[str, _Call] = {}
    handles = []
    for name, module in discriminator.named_modules():

        def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], name: str = name) -> None:
            moving = [value for value in (*args, *kwargs.values()) if _moves(value)]
            if moving and name not in calls:
                # Clones, so that an in-place activation later does not change them.
                args = tuple(value.clone() if _moves(value) else value for value in args)
                calls[name] = _Call(args, kwargs, [_off_kinks(value.detach()) for value in moving])

        handles.append(module.register_forward_pre_hook(note, with_kwargs=True))
    try:
        with torch.enable_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return calls
