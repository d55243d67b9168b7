"""One linear region of a discriminator after another along a line, at the cost of one pass instead of three.

On x(t) = p + t (q - p) every number that a discriminator computes is continuous and piecewise affine in t: z(t + τ) =
z + τ ż until the next kink. So values are carried along and not computed again; behind a kink only the tangents ż of
the operations above it change, and only the adjoints ∂f/∂z of those below it, for J and Jᵀ of all others are as before.
"""

from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.forward_ad import dual_level

from gnref.certificates.duals import make_dual, unpack_dual
from gnref.certificates.kinks import distances, kinks
from gnref.certificates.patches import Convolution
from gnref.certificates.record import Operation, Recorder, Ref, filled
from gnref.errors import UserError

_X = Ref(-1, 0)
_BIASED = {"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}


class Region:
    """The region around x(t): f and df/dt there, ∇f as the sample's shape, and how far it reaches, behind and ahead."""

    def __init__(self, score: Callable[[Tensor], Tensor], p: Tensor, q: Tensor, t: float) -> None:
        self.t = t
        x = ((1 - t) * p + t * q)[None]
        with Recorder(x) as recorder, torch.no_grad():
            score_of_x = score(x)
        root = recorder.ref(score_of_x)
        if root is None:
            raise UserError("Walk: the score does not depend on x by operations of PyTorch")
        self._root, self._operations, self._values = root, recorder.operations, recorder.values
        self.f = float(score_of_x)
        self._tangents: dict[Ref, Tensor] = {_X: (q - p)[None]}
        self._convolutions = {i: Convolution.of(operation) for i, operation in enumerate(self._operations)}
        self._received: dict[int, Tensor] = {}
        """Of convolutions: the adjoint of their output when that of their input was last computed."""
        self._unbiased: dict[int, Operation] = {}
        self._zero: dict[int, list[Tensor | None]] = {}
        """Of affine operations: what they are without their bias, or their value at 0 where that is not 0."""
        self._reach: dict[int, tuple[float, float, float]] = {}
        """By kinked operation: t, and the distances from there of the kinks behind and ahead."""
        self._seen_at = dict.fromkeys((i for i, op in enumerate(self._operations) if op.kinked), t)
        self._consumers: dict[Ref, list[tuple[int, int]]] = defaultdict(list)
        for i, operation in enumerate(self._operations):
            for slot, ref in enumerate(operation.moving):
                self._consumers[ref].append((i, slot))
        self._adjoints: dict[tuple[int, int], Tensor | None] = {}
        every = set(range(len(self._operations)))
        self._push(every, t)
        self._pull(every)

    @property
    def slope(self) -> float:
        """df/dt."""
        return float(self._tangents[self._root])

    @property
    def gradient(self) -> Tensor:
        """∇f, with a batch dimension of 1."""
        return self._adjoint_of(_X).clone()

    @property
    def before(self) -> float:
        """How far behind t the region begins: <= 0."""
        return max((at + behind - self.t for at, behind, _ in self._reach.values()), default=-torch.inf)

    @property
    def after(self) -> float:
        """How far ahead of t it ends: >= 0."""
        return min((at + ahead - self.t for at, _, ahead in self._reach.values()), default=torch.inf)

    def residual(self) -> float:
        """|⟨∇f, q - p⟩ - df/dt|: the tangents against the adjoints."""
        return abs(float((self.gradient * self._tangents[_X]).sum()) - self.slope)

    def cross(self, step: float) -> None:
        """Go on to `step` beyond the kink ahead, and find the region there."""
        at = self.t + self.after
        t = at + step
        crossed = {i for i, (seen, _, ahead) in self._reach.items() if seen + ahead <= t}
        self.f += (at - self.t) * self.slope
        changed = self._push(crossed, t, at)
        self.f += step * self.slope
        self.t = t
        self._pull(changed)

    def _push(self, changed: set[int], t: float, kink: float | None = None) -> set[int]:
        """Redo the tangents above the changed operations; return all operations whose own derivative changed.

        Values were z at some earlier point, are z + τ ż at the kink, and z + τ ż with the new ż from there to t.
        """
        above = self._above(changed)
        if kink is not None:
            for i in above:
                self._carry(i, kink)
        turned, old = set(changed), dict(self._tangents)
        with dual_level(), torch.no_grad():
            for i in above:
                operation = self._operations[i]
                if kink is not None and any(ref.node in turned for ref in operation.still):
                    turned.add(i)
                if not operation.moving:
                    for index, out in enumerate(operation(self._values)):
                        self._values[Ref(i, index)] = out
                elif operation.kinked:
                    self._carry(i, t)
                    self._bend(i, t)
                    # Of another kink at the same place rounding alone says on which side of this one it is.
                    if kink is not None and t + self._reach[i][1] > kink - (t - kink) / 2:
                        turned.add(i)
                else:
                    if i in turned and kink is not None:
                        zeros = {ref: torch.zeros_like(self._tangents[ref]) for ref in operation.moving}
                        operation.record(self._values | zeros)
                        self._zero.pop(i, None)
                    self._along(i, old)
        for i in turned:
            operation = self._operations[i]
            if kink is not None and operation.kinked and any(operation.outputs):
                values = dict(zip(operation.moving, operation.leaves, strict=True))
                operation.record(self._values | values)
        return turned

    def _above(self, changed: set[int]) -> list[int]:
        """The changed operations and all that depend on them, in order."""
        reached = set(changed)
        for i, operation in enumerate(self._operations):
            if any(ref.node in reached for ref in (*operation.moving, *operation.still)):
                reached.add(i)
        return sorted(reached)

    def _carry(self, i: int, t: float) -> None:
        """Take the values that a kinked operation compares to t."""
        operation = self._operations[i]
        if not operation.kinked or not operation.moving:
            return
        with torch.no_grad():
            for leaf, ref in zip(operation.leaves, operation.moving, strict=True):
                # `data`: a graph that has saved the leaf reads its signs, which stay until the next kink.
                leaf.data.add_(self._tangents[ref], alpha=t - self._seen_at[i])
        self._seen_at[i] = t

    def _bend(self, i: int, t: float) -> None:
        """The tangents, masks and next kinks of an operation with kinks."""
        operation = self._operations[i]
        duals = {
            ref: make_dual(leaf.detach(), self._tangents[ref])
            for leaf, ref in zip(operation.leaves, operation.moving, strict=True)
        }
        values = self._values | duals
        for index, (out, moves) in enumerate(zip(operation(values), operation.outputs, strict=True)):
            if moves:
                value, tangent = unpack_dual(out)
                self._tangents[Ref(i, index)] = torch.zeros_like(value) if tangent is None else tangent
            else:
                self._values[Ref(i, index)] = out
        args, kwargs = filled(operation.args, values), filled(operation.kwargs, values)
        found = [distances(z) for z in kinks(operation.name, args, kwargs)]
        self._reach[i] = (t, max(behind for behind, _ in found), min(ahead for _, ahead in found))

    def _along(self, i: int, old: dict[Ref, Tensor]) -> None:
        """The tangents of an affine operation: op(ẋ) - op(0), or without its bias where it has one.

        Of a convolution whose input's tangent differs in a small patch from what it was, only that patch.
        """
        operation = self._operations[i]
        if (convolution := self._convolutions[i]) is not None and Ref(i, 0) in old:
            out = old[Ref(i, 0)].clone()
            (source,) = operation.moving
            if convolution.add(out, self._tangents[source] - old[source]):
                self._tangents[Ref(i, 0)] = out
                return
        tangents = {ref: self._tangents[ref] for ref in operation.moving}
        if operation.name in _BIASED and len(operation.moving) == 1 and operation.args[0] == operation.moving[0]:
            if i not in self._unbiased:
                self._unbiased[i] = operation.without_bias()
            (self._tangents[Ref(i, 0)],) = self._unbiased[i](self._values | tangents)
            return
        if i not in self._zero:
            zeros = {ref: torch.zeros_like(tangent) for ref, tangent in tangents.items()}
            self._zero[i] = [out if bool(out.any()) else None for out in operation(self._values | zeros)]
        outs = operation(self._values | tangents)
        for index, (out, zero) in enumerate(zip(outs, self._zero[i], strict=True)):
            if operation.outputs[index]:
                self._tangents[Ref(i, index)] = out if zero is None else out - zero

    @torch.no_grad()
    def _pull(self, changed: set[int]) -> None:
        """Redo the adjoints below the changed operations."""
        redone: set[int] = set()
        for i in reversed(range(max(changed, default=-1) + 1)):
            operation = self._operations[i]
            outputs = [Ref(i, index) for index, moves in enumerate(operation.outputs) if moves]
            above = any(consumer in redone for ref in outputs for consumer, _ in self._consumers[ref])
            if i not in changed and not above:
                continue
            redone.add(i)
            if (convolution := self._convolutions[i]) is not None:
                adjoint = self._adjoint_of(outputs[0])
                before = self._received.get(i)
                self._received[i] = adjoint.clone()  # what it may be a view of is added to in place
                known = self._adjoints.get((i, 0))
                if before is not None and known is not None and convolution.add_transposed(known, adjoint - before):
                    continue
            graphs = [(operation.results[ref.output], self._adjoint_of(ref)) for ref in outputs]
            graphs = [(out, adjoint) for out, adjoint in graphs if out.requires_grad]
            found: tuple[Tensor | None, ...] = (None,) * len(operation.moving)
            if graphs:
                outs, adjoints = zip(*graphs, strict=True)
                found = torch.autograd.grad(outs, operation.leaves, adjoints, retain_graph=True, allow_unused=True)
            for slot, part in enumerate(found):
                self._adjoints[i, slot] = part

    def _adjoint_of(self, ref: Ref) -> Tensor:
        """∂f/∂ of what a `Ref` names: the sum over the operations that take it."""
        parts = [part for place in self._consumers[ref] if (part := self._adjoints.get(place)) is not None]
        if ref == self._root:
            parts.append(torch.ones_like(self._tangents[ref]))
        total = parts[0] if parts else torch.zeros_like(self._tangents[ref])
        for part in parts[1:]:
            total = total + part
        return total
