"""What a discriminator runs on one sample, operation by operation, so that parts of it can be run again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gnref.certificates.kinks import is_kinked


class Ref(NamedTuple):
    """One output of the operation at a place in the record; place -1 is x itself."""

    node: int
    output: int


@dataclass
class Operation:
    """One call: a function with its arguments, in which a `Ref` stands where a tensor that depends on x stood.

    A tensor that depends on x either moves (it has a tangent along the line) or is still: a mask, an index, whatever
    is constant between kinks. An operation that is not `kinked` is taken to be affine in the tensors that move.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    moving: list[Ref]
    still: list[Ref]
    kinked: bool
    in_place: bool
    outputs: list[bool] = field(default_factory=list)
    """Of each output whether it moves."""
    leaves: list[Tensor] = field(default_factory=list)
    """The tensors that move, as leaves of a graph of this operation alone; for a kinked one with their values."""
    results: list[Tensor] = field(default_factory=list)

    def __call__(self, values: dict[Ref, Tensor]) -> list[Tensor]:
        """Run it with other tensors in the places of the `Ref`s, and return its tensors in order."""
        return list(tensors(self._run(values)[0]))

    def _run(self, values: dict[Ref, Tensor]) -> tuple[Any, Tensor | None]:
        """What the function returns, and the tensor that it changed, if it works in place."""
        if self.in_place:
            values = values | {ref: values[ref].clone() for ref in self.moving}
        result = self.function(*filled(self.args, values), **filled(self.kwargs, values))
        changed = values[self.moving[0]] if self.in_place and self.moving else None
        return changed if changed is not None else result, changed

    def without_bias(self) -> "Operation":
        """A linear layer or a convolution without its third argument."""
        args = (*self.args[:2], None, *self.args[3:])
        kwargs = {key: value for key, value in self.kwargs.items() if key != "bias"}
        return replace(self, args=args, kwargs=kwargs)

    def record(self, values: dict[Ref, Tensor]) -> tuple[Any, Tensor | None]:
        """Run it anew at these values, and keep the graph that leads from its `leaves` to its `results`.

        Returns what the function returned, and the tensor that it changed in place or None.
        """
        self.leaves = [values[ref].detach().requires_grad_() for ref in self.moving]
        given = values | dict(zip(self.moving, self.leaves, strict=True))
        with torch.enable_grad():
            result, changed = self._run(given)
        self.results = list(tensors(result))
        return result, changed


class Recorder(TorchFunctionMode):
    """Within it, every function of a tensor that depends on x is noted in `operations`, in the order of the calls."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.values: dict[Ref, Tensor] = {Ref(-1, 0): x}
        self._refs = {id(x): Ref(-1, 0)}
        # An id is a tensor's own as long as the tensor lives.
        self._alive: list[Tensor] = [x]

    def ref(self, tensor: Tensor) -> Ref | None:
        """Which output a tensor is; None where it does not depend on x."""
        return self._refs.get(id(tensor))

    def moves(self, ref: Ref) -> bool:
        """Whether it has a tangent."""
        return ref.node < 0 or self.operations[ref.node].outputs[ref.output]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function, and note it where it says something of x in tensors."""
        kwargs = kwargs or {}
        given = {id(t): t for t in tensors((args, kwargs)) if id(t) in self._refs}
        if not given:
            return func(*args, **kwargs)
        written = getattr(func, "__name__", "")
        name = written.strip("_")
        refs = [self._refs[key] for key in given]
        operation = Operation(
            name,
            func,
            self._marked(args),
            self._marked(kwargs),
            [ref for ref in refs if self.moves(ref)],
            [ref for ref in refs if not self.moves(ref)],
            is_kinked(name, args, kwargs),
            _in_place(written, kwargs),
        )
        # Of an affine operation's operands only the graph is used later; `data` knows nothing of changes in place.
        values = {
            self._refs[key]: tensor.detach().clone() if operation.kinked else tensor.data
            for key, tensor in given.items()
        }
        result, changed = operation.record(values)
        outputs = operation.results
        if not outputs:
            return result
        operation.outputs = [bool(operation.moving) and out.is_floating_point() for out in outputs]
        node = len(self.operations)
        self.operations.append(operation)
        # Clones, so that what the discriminator does to its tensors does not reach the graph.
        result = _mapped(result, lambda out: out.detach().clone())
        for index, out in enumerate(tensors(result)):
            self._name(out, Ref(node, index))
        if changed is not None:
            target = next(tensor for key, tensor in given.items() if self._refs[key] == operation.moving[0])
            target.copy_(changed)
            self._name(target, Ref(node, 0))
            return None if result is None else target
        return result

    def _name(self, tensor: Tensor, ref: Ref) -> None:
        self._refs[id(tensor)] = ref
        self.values[ref] = tensor
        self._alive.append(tensor)

    def _marked(self, value: Any) -> Any:
        """The same arguments with a `Ref` for each tensor that depends on x."""
        return _mapped(value, lambda tensor: self._refs.get(id(tensor), tensor))


def tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in nested arguments, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors(tuple(value.values()))
    elif isinstance(value, tuple | list) and not isinstance(value, torch.Size | Ref):
        for part in value:
            yield from tensors(part)


def filled(value: Any, values: dict[Ref, Tensor]) -> Any:
    """Nested arguments with the tensors that their `Ref`s name."""
    if isinstance(value, Ref):
        return values[value]
    if isinstance(value, dict):
        return {key: filled(part, values) for key, part in value.items()}
    if isinstance(value, tuple | list) and not isinstance(value, torch.Size):
        return type(value)(filled(part, values) for part in value)
    return value


def _in_place(name: str, kwargs: dict[str, Any]) -> bool:
    """Whether a function changes its first argument: relu_, __iadd__, __setitem__, or one told inplace=True."""
    if name.startswith("__"):
        return name == "__setitem__" or name in {f"__i{of}__" for of in ("add", "sub", "mul", "truediv")}
    return name.endswith("_") or bool(kwargs.get("inplace"))


def _mapped(value: Any, of_tensor: Callable[[Tensor], Any]) -> Any:
    if isinstance(value, Tensor):
        return of_tensor(value)
    if isinstance(value, dict):
        return {key: _mapped(part, of_tensor) for key, part in value.items()}
    if isinstance(value, tuple | list) and not isinstance(value, torch.Size):
        return type(value)([_mapped(part, of_tensor) for part in value])
    return value
