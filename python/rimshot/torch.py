"""A model's network as a ``torch.nn.Module``.

    network = rimshot.to_torch(model)
    features = torch.from_numpy(model.features(sounds, rate))
    lengths = torch.from_numpy(model.frames(sounds, rate))
    probabilities = torch.softmax(network(features, lengths) / model.temperature, 1)

Modules are named as the tensors of the model, so ``state_dict`` has the names that ``rimshot summary``
shows, and ``rimshot import`` takes the weights back after further training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional, cast

try:
    import torch
    import yaml
    from torch import Tensor, nn
    from torch.nn import functional as F
except ImportError as why:
    raise ImportError(f"{why}; to_torch needs PyTorch and PyYAML: pip install torch PyYAML") from why

from rimshot._library import InputError
from rimshot.model import Model

Lengths = Optional[Tensor]  # valid frames of each sample; None: all, or there is no time axis


def _time_axis(x: Tensor) -> int:
    """Images [B, C, F, T], sequences [B, T, F]; -1 of vectors."""
    return {4: 3, 3: 1}.get(x.dim(), -1)


def _valid(x: Tensor, lengths: Tensor) -> Tensor:
    """Which frames count, in a shape that broadcasts to x's."""
    axis = _time_axis(x)
    shape = [1] * x.dim()
    shape[axis] = -1
    frames = torch.arange(x.shape[axis], device=x.device).reshape(shape)
    return frames < lengths.reshape([-1] + [1] * (x.dim() - 1))


def _pair(value: Any) -> tuple[int, int]:
    """An option that is one number or [frequency, time]."""
    if isinstance(value, (list, tuple)):
        return int(value[0]), int(value[-1])
    return int(value), int(value)


class _Window:
    """A window that moves over the two axes of an image."""

    def __init__(self, options: Mapping[str, Any], x: Tensor) -> None:
        self.kernel = _pair(options["kernel"])
        self.stride = _pair(options.get("stride") or options["kernel"])
        self.dilation = _pair(options.get("dilation") or 1)
        self.before, self.after = self._padding(options.get("pad", 0), x.shape[2:])

    def _padding(self, pad: Any, extent: Sequence[int]) -> tuple[list[int], list[int]]:
        items = [str(item) for item in (pad if isinstance(pad, list) else [pad])]
        spans = [d * (k - 1) for k, d in zip(self.kernel, self.dilation)]
        if items == ["half"]:
            return [span // 2 for span in spans], [span // 2 for span in spans]
        if items == ["same"]:
            missing = [
                max((math.ceil(n / s) - 1) * s + span + 1 - n, 0)
                for n, s, span in zip(extent, self.stride, spans)
            ]
            return [n // 2 for n in missing], [n - n // 2 for n in missing]
        numbers = [int(item) for item in items]
        if len(numbers) == 4:
            return numbers[::2], numbers[1::2]
        return [numbers[0], numbers[-1]], [numbers[0], numbers[-1]]

    def pad(self, x: Tensor, value: float = 0.0) -> Tensor:
        f, t = zip(self.before, self.after)
        return F.pad(x, (*t, *f), value=value) if any((*f, *t)) else x

    def lengths(self, lengths: Tensor) -> Tensor:
        """Frames that n frames give."""
        span = self.dilation[1] * (self.kernel[1] - 1) + 1
        room = lengths + self.before[1] + self.after[1] - span
        n = torch.div(room, self.stride[1], rounding_mode="floor") + 1
        return torch.where(room < 0, torch.zeros_like(n), n)


class _Layer(nn.Module):
    """One layer of the network. `build` sees the first input and the tensors that belong to it."""

    def build(self, options: Mapping[str, Any], x: Tensor, weights: "_Weights") -> None:
        pass

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        raise NotImplementedError

    def lengths(self, x: Tensor, y: Tensor, lengths: Tensor) -> Lengths:
        """Valid frames of the output."""
        return lengths

    def forward(self, x: Tensor, lengths: Lengths = None) -> tuple[Tensor, Lengths]:
        y = self.run(x, lengths)
        if lengths is None:
            return y, None
        after = self.lengths(x, y, lengths)
        axis = _time_axis(y)
        if after is None or axis < 0:
            return y, after
        after = after.clamp(1, y.shape[axis])
        return y * _valid(y, after), after


class _Joined(_Layer):
    """Layers after which every frame counts."""

    def lengths(self, x: Tensor, y: Tensor, lengths: Tensor) -> Lengths:
        axis = _time_axis(y)
        return torch.full_like(lengths, y.shape[axis] if axis >= 0 else 0)


class _Weights:
    """The tensors of a model under a prefix."""

    def __init__(self, tensors: Mapping[str, Tensor], prefix: str = "") -> None:
        self._tensors, self._prefix = tensors, prefix

    def below(self, name: str) -> "_Weights":
        return _Weights(self._tensors, f"{self._prefix}{name}.")

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._tensors

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[self._prefix + name]


class _Conv2d(_Layer):
    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._window = _Window({"stride": 1, **options}, x)
        self.weight = nn.Parameter(weights["weight"])
        self.bias = nn.Parameter(weights["bias"]) if "bias" in weights else None
        self._groups = x.shape[1] // self.weight.shape[1]

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        w = self._window
        return F.conv2d(w.pad(x), self.weight, self.bias, w.stride, 0, w.dilation, self._groups)

    def lengths(self, x: Tensor, y: Tensor, lengths: Tensor) -> Lengths:
        return self._window.lengths(lengths)


class _Linear(_Layer):
    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self.weight = nn.Parameter(weights["weight"])
        self.bias = nn.Parameter(weights["bias"]) if "bias" in weights else None

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class _BatchNorm(_Layer):
    """Over the valid frames of a batch in training, by the running statistics otherwise."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._eps, self._momentum = float(options["eps"]), float(options["momentum"])
        affine = "weight" in weights
        self.weight = nn.Parameter(weights["weight"]) if affine else None
        self.bias = nn.Parameter(weights["bias"]) if affine else None
        self.register_buffer("running_mean", weights["running_mean"])
        self.register_buffer("running_var", weights["running_var"])
        self.register_buffer("num_batches_tracked", weights["num_batches_tracked"])

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        channels_last = x if x.dim() < 4 else x.permute(0, 2, 3, 1)
        rows = channels_last.reshape(-1, channels_last.shape[-1])
        if self.training:
            return self._train(x, rows, lengths).reshape(channels_last.shape).permute(
                (0, 3, 1, 2) if x.dim() == 4 else tuple(range(x.dim()))
            )
        mean, var = self.running_mean, self.running_var
        shape = [1, -1, 1, 1] if x.dim() == 4 else [1] * (x.dim() - 1) + [-1]
        y = (x - mean.reshape(shape)) * torch.rsqrt(var.reshape(shape) + self._eps)
        if self.weight is not None and self.bias is not None:
            y = y * self.weight.reshape(shape) + self.bias.reshape(shape)
        return y

    def _train(self, x: Tensor, rows: Tensor, lengths: Lengths) -> Tensor:
        counted = rows
        if lengths is not None and _time_axis(x) >= 0:
            valid = _valid(x, lengths).expand_as(x)
            kept = valid if x.dim() < 4 else valid.permute(0, 2, 3, 1)
            counted = rows[kept.reshape(rows.shape)[:, 0]]
        F.batch_norm(counted.detach(), self.running_mean, self.running_var, None, None, True,
                     self._momentum, self._eps)
        self.num_batches_tracked += 1
        var, mean = torch.var_mean(counted, 0, unbiased=False)
        y = (rows - mean) * torch.rsqrt(var + self._eps)
        if self.weight is not None and self.bias is not None:
            y = y * self.weight + self.bias
        return y


class _LayerNorm(_Layer):
    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._eps = float(options["eps"])
        affine = "weight" in weights
        self.weight = nn.Parameter(weights["weight"]) if affine else None
        self.bias = nn.Parameter(weights["bias"]) if affine else None

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        shape = x.shape[1:] if x.dim() == 4 else x.shape[-1:]
        return F.layer_norm(x, shape, self.weight, self.bias, self._eps)


class _Function(_Layer):
    """An activation, or what moves numbers about."""

    def __init__(self, function: Callable[[Tensor, Mapping[str, Any]], Tensor]) -> None:
        super().__init__()
        self._function = function

    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._options = options

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        return self._function(x, self._options)


class _Reshaped(_Function, _Joined):
    pass


class _Permute(_Layer):
    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._order = [int(axis) for axis in options["order"]]

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        return x.permute([0] + [axis + 1 for axis in self._order])

    def lengths(self, x: Tensor, y: Tensor, lengths: Tensor) -> Lengths:
        axis = _time_axis(x) - 1
        if axis >= 0 and self._order[axis] == axis:
            return lengths
        return torch.full_like(lengths, y.shape[_time_axis(y)])


class _Dropout(_Layer):
    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._p = float(options["p"])

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        return F.dropout(x, self._p, self.training)


class _StochasticDepth(_Dropout):
    """Whole samples become zero."""

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        ones = x.new_ones([len(x)] + [1] * (x.dim() - 1))
        return x * F.dropout(ones, self._p, self.training)


class _Pool(_Layer):
    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._window = _Window(options, x)

    def lengths(self, x: Tensor, y: Tensor, lengths: Tensor) -> Lengths:
        return self._window.lengths(lengths)


class _MaxPool(_Pool):
    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        w = self._window
        # Tiles reach past the end only of a clip that does not fill one, and then see zeros there.
        tiles = w.kernel == w.stride and not any(w.before + w.after)
        if lengths is not None and not tiles:
            x = x.masked_fill(~_valid(x, lengths), -math.inf)
        y = F.max_pool2d(w.pad(x, -math.inf), w.kernel, w.stride)
        return y.masked_fill(y == -math.inf, 0)


class _AvgPool(_Pool):
    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        if lengths is not None:
            x = x * _valid(x, lengths)
        w = self._window
        return F.avg_pool2d(w.pad(x), w.kernel, w.stride)


class _AdaptivePool(_Joined):
    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._extent = _pair(options["extent"])

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        if lengths is None:
            return F.adaptive_avg_pool2d(x, self._extent)
        rows = [
            F.adaptive_avg_pool2d(x[i : i + 1, ..., : int(n)], self._extent)
            for i, n in enumerate(lengths)
        ]
        return torch.cat(rows)


class _GlobalPool(_Joined):
    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._kind, self._keep = options["kind"], bool(options["keep"])

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        valid = None if lengths is None else _valid(x, lengths)
        if self._kind == "max":
            y = (x if valid is None else x.masked_fill(~valid, -math.inf)).amax((2, 3))
        elif valid is None:
            y = x.mean((2, 3))
        else:
            y = (x * valid).sum((2, 3)) / (valid.sum((2, 3)) * x.shape[2])
        return y[:, :, None, None] if self._keep else y


class _TimePool(_Joined):
    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        kinds = options["kinds"]
        self._kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        if "attention" in self._kinds:
            self.attention_weight = nn.Parameter(weights["attention_weight"])
            self.attention_bias = nn.Parameter(weights["attention_bias"])

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        if lengths is None:
            lengths = torch.full([len(x)], x.shape[1], device=x.device)
        return torch.cat([self._part(kind, x, lengths) for kind in self._kinds], 1)

    def _part(self, kind: str, x: Tensor, lengths: Tensor) -> Tensor:
        valid = _valid(x, lengths)
        if kind == "mean":
            return (x * valid).sum(1) / lengths[:, None]
        if kind == "max":
            return x.masked_fill(~valid, -math.inf).amax(1)
        if kind == "last":
            return x[torch.arange(len(x), device=x.device), lengths - 1]
        score = x @ self.attention_weight.reshape(-1) + self.attention_bias
        share = torch.softmax(score.masked_fill(~valid[..., 0], -math.inf), 1)
        return (x * share[..., None]).sum(1)


class _Recurrent(_Layer):
    """PyTorch's own; its parameters are this module's, under the same names."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._last = options["output"] == "last"
        arguments: dict[str, Any] = {
            "input_size": x.shape[2],
            "hidden_size": int(options["hidden"]),
            "num_layers": int(options["layers"]),
            "bidirectional": bool(options["bidirectional"]),
            "dropout": float(options["dropout"]) if int(options["layers"]) > 1 else 0.0,
            "batch_first": True,
        }
        if self._kind == "RNN":
            arguments["nonlinearity"] = options["nonlinearity"]
        inner = getattr(nn, self._kind)(**arguments)
        inner.load_state_dict({name: weights[name] for name in inner.state_dict()})
        self._inner = [inner]  # in a list: not a child, whose name would come between
        for name, parameter in list(inner.named_parameters()):
            self.register_parameter(name, parameter)

    def _apply(self, function: Any, *arguments: Any, **keys: Any) -> Any:
        result = super()._apply(function, *arguments, **keys)
        for name, parameter in self.named_parameters():
            setattr(self._inner[0], name, parameter)
        return result

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        inner = self._inner[0].train(self.training)
        if lengths is None:
            y, state = inner(x)
        else:
            packed = nn.utils.rnn.pack_padded_sequence(
                x, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            y, state = inner(packed)
            y, _ = nn.utils.rnn.pad_packed_sequence(y, True, total_length=x.shape[1])
        if not self._last:
            return cast(Tensor, y)
        state = state[0] if self._kind == "LSTM" else state
        n = 2 if inner.bidirectional else 1
        return torch.cat(list(state[-n:]), 1)

    def lengths(self, x: Tensor, y: Tensor, lengths: Tensor) -> Lengths:
        return lengths if not self._last else torch.zeros_like(lengths)


class _Forest(_Joined):
    """P. Kontschieder et al., "Deep Neural Decision Forests", ICCV 2015: the logarithms of the
    trees' mean probabilities. `leaves` is [classes, trees * 2^depth]."""

    unit: Tensor

    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self.register_buffer("unit", weights["unit"])
        self._learned = options["leaves"] == "gradient"
        if self._learned:
            self.leaves = nn.Parameter(weights["leaves"])
        else:
            self.register_buffer("leaves", weights["leaves"])

    def run(self, x: Tensor, lengths: Lengths) -> Tensor:
        trees, splits = self.unit.shape
        f = x[:, self.unit.long().reshape(-1)].reshape(-1, trees, splits)
        reach, first = x.new_ones(len(x), trees, 1), 0
        while first < splits:
            level = f[:, :, first : first + reach.shape[2]]
            both = torch.stack([torch.sigmoid(level), torch.sigmoid(-level)], -1)
            first += reach.shape[2]
            reach = (reach[..., None] * both).flatten(2)
        leaves = torch.softmax(self.leaves, 0) if self._learned else self.leaves
        p = reach.flatten(1) @ leaves.T / trees
        return torch.log(p + 1e-30)


_FUNCTIONS: dict[str, Callable[[Tensor, Mapping[str, Any]], Tensor]] = {
    "relu": lambda x, o: F.relu(x),
    "leaky_relu": lambda x, o: F.leaky_relu(x, float(o["slope"])),
    "gelu": lambda x, o: F.gelu(x, approximate=o["approximate"]),
    "silu": lambda x, o: F.silu(x),
    "sigmoid": lambda x, o: torch.sigmoid(x),
    "tanh": lambda x, o: torch.tanh(x),
    "to_sequence": lambda x, o: x.flatten(1, 2).transpose(1, 2),
    "to_image": lambda x, o: x.transpose(1, 2)[:, None],
}
_RESHAPING: dict[str, Callable[[Tensor, Mapping[str, Any]], Tensor]] = {
    "flatten": lambda x, o: x.flatten(1),
    "reshape": lambda x, o: x.reshape([len(x), *(int(n) for n in o["shape"])]),
}
_LAYERS: dict[str, Callable[[], _Layer]] = {
    "conv2d": _Conv2d,
    "linear": _Linear,
    "batch_norm": _BatchNorm,
    "layer_norm": _LayerNorm,
    "dropout": _Dropout,
    "stochastic_depth": _StochasticDepth,
    "max_pool": _MaxPool,
    "avg_pool": _AvgPool,
    "adaptive_pool": _AdaptivePool,
    "global_pool": _GlobalPool,
    "time_pool": _TimePool,
    "permute": _Permute,
    "gru": lambda: _Recurrent("GRU"),
    "lstm": lambda: _Recurrent("LSTM"),
    "rnn": lambda: _Recurrent("RNN"),
    "forest": _Forest,
}


def _make(kind: str) -> nn.Module:
    if kind in _COMBINATIONS:
        return _COMBINATIONS[kind]()
    if kind in _FUNCTIONS:
        return _Function(_FUNCTIONS[kind])
    if kind in _RESHAPING:
        return _Reshaped(_RESHAPING[kind])
    if kind not in _LAYERS:
        raise InputError(f"layer '{kind}' has no form in PyTorch")
    return _LAYERS[kind]()


class _List(nn.Module):
    """A list of layers, whose modules are called by their number or name."""

    def build(self, items: Sequence[Any], x: Tensor, weights: _Weights) -> Tensor:
        """Builds the layers, for which x goes through them; gives what comes out."""
        for number, item in enumerate(items):
            kind = next(key for key in item if key != "name")
            name = str(item.get("name", number))
            layer = _make(kind)
            layer.build(item[kind] or {}, x, weights.below(name))  # type: ignore[operator]
            self.add_module(name, layer.eval())
            x, _ = layer(x, None)
        return x

    def forward(self, x: Tensor, lengths: Lengths = None) -> tuple[Tensor, Lengths]:
        for layer in self.children():
            x, lengths = layer(x, lengths)
        return x, lengths


class _Combination(nn.Module):
    """Lists of layers whose results become one."""

    def _add(self, name: str, items: Sequence[Any], x: Tensor, weights: _Weights) -> None:
        part = _List()
        part.build(items, x, weights.below(name))
        parent: nn.Module = self
        *above, last = name.split(".")
        for key in above:
            if key not in dict(parent.named_children()):
                parent.add_module(key, nn.Module())
            parent = cast(nn.Module, getattr(parent, key))
        parent.add_module(last, part)

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        raise NotImplementedError

    @staticmethod
    def _fit(a: Tensor, b: Tensor) -> Tensor:
        """The second value lacks trailing axes, or has extent 1 there."""
        return b.reshape(list(b.shape) + [1] * (a.dim() - b.dim()))

    def _end(self, y: Tensor, lengths: Lengths) -> tuple[Tensor, Lengths]:
        if lengths is None or _time_axis(y) < 0:
            return y, lengths
        return y * _valid(y, lengths), lengths


class _Residual(_Combination):
    body: _List

    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        self._add("body", options["body"], x, weights)
        self.shortcut: Optional[_List] = None
        if options.get("shortcut") is not None:
            del self.shortcut
            self._add("shortcut", options["shortcut"], x, weights)

    def forward(self, x: Tensor, lengths: Lengths = None) -> tuple[Tensor, Lengths]:
        y, after = self.body(x, lengths)
        short = x if self.shortcut is None else self.shortcut(x, lengths)[0]
        return self._end(y + self._fit(y, short), after)


class _Gate(_Combination):
    body: _List

    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        items = options["body"] if isinstance(options, Mapping) else options
        self._add("body", items, x, weights)

    def forward(self, x: Tensor, lengths: Lengths = None) -> tuple[Tensor, Lengths]:
        gate, _ = self.body(x, lengths)
        return self._end(x * self._fit(x, gate), lengths)


class _Concat(_Combination):
    branches: nn.Module

    def build(self, options: Mapping[str, Any], x: Tensor, weights: _Weights) -> None:
        lists = options["branches"] if isinstance(options, Mapping) else options
        for number, items in enumerate(lists):
            self._add(f"branches.{number}", items, x, weights)

    def forward(self, x: Tensor, lengths: Lengths = None) -> tuple[Tensor, Lengths]:
        results = [branch(x, lengths) for branch in self.branches.children()]
        first, lengths = results[0]
        joined = torch.cat([y for y, _ in results], 2 if first.dim() == 3 else 1)
        return self._end(joined, lengths)


_COMBINATIONS: dict[str, Callable[[], _Combination]] = {
    "residual": _Residual,
    "gate": _Gate,
    "concat": _Concat,
}


class Network(_List):
    """The network of a model with its weights, in inference mode.

    Called with features ``[n, channels, rows, frames]`` (`Model.features` of that network) and the number of valid
    frames of each ``[n]`` (`Model.frames`; without it every frame counts), it gives logits ``[n,
    n_classes]``: what lies past a clip's end is left out as rimshot leaves it out. Of a model with
    a statistical classifier it gives what that is fitted on, the embedding.

    After ``train()`` dropout and batch statistics work as in PyTorch; leaves of a forest that
    rimshot estimates after each epoch stay as they are.
    """

    def __init__(self, model: Model, network: int = 0) -> None:
        super().__init__()
        tensors = {k: torch.from_numpy(v) for k, v in model.weights(network).items()}
        self.classes = model.classes
        layers = yaml.safe_load(model.config)["network"]
        with torch.no_grad():
            self.build(layers, torch.zeros(1, *model.features_shape), _Weights(tensors))
        self.eval()

    def forward(  # type: ignore[override]
        self, features: Tensor, lengths: Lengths = None
    ) -> Tensor:
        y, _ = super().forward(features, lengths)
        return y
