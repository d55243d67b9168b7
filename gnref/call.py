"""One call of gradient normalization: D runs once on a view of x, ∇ₓf is taken, and each score is normalized."""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from gnref import admissible, outputs, remedies, replay
from gnref.activations import Activations, activations
from gnref.coupling import Watch, watch
from gnref.graph import as_recorded
from gnref.operations import NotExact
from gnref.outputs import Selection
from gnref.quotient import Zeta, normalize
from gnref.uncompiled import uncompiled

Method = Literal["auto", "double-backward", "replay"]


class Parts(NamedTuple):
    """f̂ with what it is made of, for logging: f and ‖∇ₓf‖ are detached, shape (N,)."""

    normalized: Tensor
    """f̂, in D's shape, differentiable."""
    score: Tensor
    """f."""
    gradient_norm: Tensor
    """‖∇ₓf‖ over all inputs of one sample; inf where it exceeds the dtype's range (f̂ is right all the same)."""
    method: str
    """What computes the gradient of f̂: "replay", "double-backward", or "value" where none was asked for.

    "auto" takes double backward where an operation is not known to be piecewise linear (a module's backward hook is
    such an operation) and where D computes so little that the replay would cost more (`gnref.work`).
    """


class Options(NamedTuple):
    """What the caller chose."""

    zeta: Zeta
    method: Method
    reduce: Literal["mean"] | None
    output: Selection | None
    coupled: bool

    def check(self) -> None:
        """Refuse what is none of the choices."""
        if self.zeta not in ("abs", "one", "zero", "gran"):
            raise _mistake('zeta "abs" (GN), "one" (GN_1), "zero" (GN_0) or "gran" (GraN)', self.zeta)
        if self.method not in ("auto", "double-backward", "replay"):
            raise _mistake('method "auto", "double-backward" or "replay"', self.method)
        if self.reduce not in (None, "mean"):
            raise _mistake('reduce None or "mean"', self.reduce)
        if self.method == "replay" and self.coupled:
            raise _mistake('method "auto" or "double-backward" with coupled=True', self.method)


def _mistake(expected: str, got: object) -> ValueError:
    return ValueError(f"gradient_normalize: expected {expected}, got {got!r}")


@uncompiled
def evaluated(call: "Call", parts: bool) -> Any:
    """The call's output. D inside it is not compiled either: what torch.compile makes has no second gradient."""
    return call.output(parts)


_running = threading.local()
"""Whether a discriminator is being run by this thread, whose own forward pass must not normalize."""


@dataclass(slots=True)
class Call:
    """One call: what was given, and `inner`, D's own input, which stands for x while ∇ₓf is taken."""

    discriminator: Callable[..., Any]
    x: Tensor
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    options: Options
    differentiable: bool = True
    inner: Tensor = field(init=False)
    watch: Watch = field(init=False)
    kept: Activations | None = field(init=False, default=None)

    def output(self, parts: bool) -> Any:
        """What D returns, with f̂ or its `Parts` in the place of each score tensor."""
        result = self.parts if parts else self.normalized
        self.options.check()
        admissible.check_input(self.x)
        admissible.check_transforms()
        self.watch = watch(self.discriminator, admit=self.options.coupled)
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            return self._output(result)
        self.differentiable = False
        with torch.inference_mode(False), torch.enable_grad():
            return self._output(result)

    def _output(self, result: Callable[[Tensor], Any]) -> Any:
        # A view of x (or a detached copy) is D's input, so that the gradient is D's own, whatever else uses x.
        if self.x.requires_grad and self.differentiable:
            self.inner = self.x.view_as(self.x)
        else:
            self.inner = (self.x.clone() if self.x.is_inference() else self.x.detach()).requires_grad_()
        if getattr(_running, "one", False):
            raise ValueError(
                f"gradient_normalize: expected a discriminator, got one that is normalized already; {remedies.WRAPPED}"
            )
        # A replay lets go of activations, which only hooks in force during the forward pass make possible.
        self.kept = activations() if self._may_replay() else None
        _running.one = True
        try:
            with self.kept.saving() if self.kept is not None else nullcontext():
                output = self.run(self.discriminator)
        finally:
            _running.one = False
        return outputs.changed(output, result, self.options.output)

    def run(self, discriminator: Callable[..., Any]) -> Any:
        """The output of the discriminator, or of a copy of it."""
        return discriminator(self.inner, *self.args, **self.kwargs)

    def normalized(self, head: Tensor) -> Tensor:
        """f̂ of one head."""
        return self._evaluate(head)[0]

    def parts(self, head: Tensor) -> Parts:
        """f̂ of one head, with what it is made of."""
        normalized, score, norm, method = self._evaluate(head)
        return Parts(normalized, score.detach().reshape(-1), norm.to(normalized.dtype).reshape(-1), method)

    def _evaluate(self, head: Tensor) -> tuple[Tensor, Tensor, Tensor, str]:
        """f̂, f, g and the method, from one head, a function of `inner`."""
        reduce = self.options.reduce
        admissible.check_scores(head, len(self.x), reduce)
        score = head if reduce is None else admissible.scores_per_sample(head, len(self.x), reduce)
        self.watch.warn_of_a_sigmoid(head)
        plan = self._plan(score)
        if plan is not None:
            score, gradient = plan.apply(self.x)
        else:
            if self.differentiable:
                self.watch.refuse_underivable(score, self.inner)
            gradient = _input_gradient(score, self.inner, create_graph=self.differentiable)
            if not self.options.coupled:
                self.watch.refuse_coupled(self.run, score, self.inner, gradient)
        rows = gradient.flatten(1) if gradient.dim() > 1 else gradient[:, None]
        normalized, norm = normalize(score, rows, self.options.zeta)
        admissible.check_finite(normalized, score)
        if plan is not None and reduce is None:
            normalized = normalized.view(head.shape)
        if not self.differentiable:
            return normalized.detach(), score, norm, "value"
        return normalized, score, norm, "double-backward" if plan is None else "replay"

    def _may_replay(self) -> bool:
        if not self.differentiable or self.options.coupled or self.options.method == "double-backward":
            return False
        return self.options.method == "replay" or self.watch.may_pay(self.inner)

    def _plan(self, score: Tensor) -> replay.Plan | None:
        if not self._may_replay():
            return None
        if self.options.method == "auto" and not self.watch.replay_pays(score, self.inner):
            return None
        try:
            return replay.plan(score.reshape(-1), self.inner, self.kept)
        except NotExact as reason:
            if self.options.method == "replay":
                raise ValueError(replay.explain(reason, self.discriminator, self.run)) from None
            return None


def _input_gradient(score: Tensor, inner: Tensor, create_graph: bool) -> Tensor:
    """∇ₓf of every sample: the gradient of Σᵢ f(xᵢ), whose i-th row is f(xᵢ)'s own where samples are not coupled."""
    gradient = None
    if score.requires_grad:
        try:
            # Several heads share one graph, so the buffers stay.
            with as_recorded(inner.device):
                (gradient,) = torch.autograd.grad(
                    score.sum(), inner, create_graph=create_graph, retain_graph=True, allow_unused=True
                )
        except RuntimeError as error:
            if "use_reentrant" not in str(error):
                raise
            raise ValueError(
                "gradient_normalize: expected a discriminator whose gradient in x can be taken, got one under "
                f"reentrant checkpointing; {remedies.REENTRANT}"
            ) from None
    if gradient is None:
        if _underivable(score.grad_fn):
            raise ValueError(
                "gradient_normalize: expected scores with a derivative, but the discriminator has operations without "
                f"one, as quantized ones are; {remedies.FLOAT}"
            )
        raise ValueError(
            f"gradient_normalize: expected scores that depend on x, but the discriminator's do not; {remedies.ON_X}"
        )
    return gradient


def _underivable(node: Any) -> bool:
    """Whether an operation below has no derivative in torch."""
    return node is not None and (
        "NotImplemented" in node.name() or any(_underivable(n) for n, _ in node.next_functions)
    )
