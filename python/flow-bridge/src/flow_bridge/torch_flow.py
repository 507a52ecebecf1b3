"""What the flows of the three torch libraries have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from . import activation
from .error import ExportError
from .taken import Rows, Tensors


def tensors(flow: torch.nn.Module, prefixes: tuple[str, ...] = ("",)) -> Tensors:
    """The state dictionary as arrays, of the keys that begin so."""
    found = {}
    for key, tensor in flow.state_dict().items():
        if key.startswith(prefixes):
            tensor = tensor.detach().cpu()
            if tensor.dtype == torch.bfloat16:
                tensor = tensor.float()
            found[key] = np.ascontiguousarray(tensor.numpy())
    return found


def quiet(flow: torch.nn.Module) -> Any:
    """A copy in evaluation mode, on the CPU."""
    for module in flow.modules():
        # A cached matrix has the bits and the graph of its making: it can't be copied, and is made anew when needed.
        cache: Any = getattr(module, "cache", None)
        if hasattr(cache, "invalidate"):
            cache.invalidate()
    return copy.deepcopy(flow).cpu().eval()


def in_64_bits(flow: torch.nn.Module) -> Any:
    """A copy in evaluation mode and 64 bits."""
    return quiet(flow).double()


@contextmanager
def _default_64_bits() -> Iterator[None]:
    # The libraries make zeros and ones of the default type in passing, and sums are rounded to it.
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def evaluated(log_prob: Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]) -> Callable[..., Rows]:
    """A log-likelihood of tensors as one of arrays, in 64 bits."""

    def over_arrays(x: Rows, context: Rows | None) -> Rows:
        with torch.no_grad(), _default_64_bits():
            given = None if context is None else torch.from_numpy(context)
            found: Rows = log_prob(torch.from_numpy(x), given).numpy().astype(np.float64)
            return found

    return over_arrays


def sampled(draw: Callable[[int, torch.Tensor | None], torch.Tensor]) -> Callable[[int, Rows | None, int], Rows]:
    """A sampler of tensors as one of arrays, whose seed leaves torch's generator as it was."""

    def over_arrays(count: int, context: Rows | None, seed: int) -> Rows:
        given = None if context is None else torch.from_numpy(context).to(torch.get_default_dtype())
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            found: Rows = draw(count, given).numpy().astype(np.float64)
            return found

    return over_arrays


def name_activation(where: str, function: Callable[[torch.Tensor], torch.Tensor]) -> str:
    """The name of a non-linearity, whether a module or a function."""
    if isinstance(function, torch.nn.Module) and any(True for _ in function.parameters()):
        raise ExportError.of(where, function, "an activation with weights of its own can't be represented")
    found = activation.name(over_probe(function))
    if found is None:
        raise ExportError(
            where, f"the activation {_described(function)} is none of {', '.join(activation.NAMES)}", _kind(function)
        )
    return found


def one_activation(where: str, functions: Iterable[Callable[[torch.Tensor], torch.Tensor]]) -> str | None:
    """The activation that all of a network's layers have; none if there are no functions."""
    names = {name_activation(where, function) for function in functions}
    if len(names) > 1:
        raise ExportError(where, f"the layers have different activations: {', '.join(sorted(names))}")
    return names.pop() if names else None


def over_probe(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Rows], Rows]:
    """A function of tensors as one of arrays."""

    def over_arrays(x: Rows) -> Rows:
        with torch.no_grad():
            # Activations may work in place.
            found: Rows = function(torch.from_numpy(x.copy())).numpy()
            return found

    return over_arrays


def _described(function: Any) -> str:
    if isinstance(function, torch.nn.Module):
        return repr(function)
    return str(getattr(function, "__name__", function))


def _kind(function: Any) -> str:
    if isinstance(function, torch.nn.Module):
        return f"{type(function).__module__}.{type(function).__qualname__}"
    return ""


def refuse_dropout(flow: torch.nn.Module) -> None:
    """Refuses a dropout that is switched on: the copy in evaluation mode would be another function."""
    for path, module in flow.named_modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd) and module.p > 0.0 and module.training:
            raise ExportError.of(path, module, "dropout is on: call `flow.eval()` before the export")


def require_bias(where: str, linear: Any) -> None:
    """Refuses a dense layer without a bias, or one that is a stack of several."""
    if linear.bias is None:
        raise ExportError.of(where, linear, "a dense layer without a bias can't be represented")
    if linear.weight.dim() != 2:
        raise ExportError.of(where, linear, "a stack of dense layers can't be represented")
