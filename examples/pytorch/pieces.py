"""One stage of the decoder as pieces that a plan can order: what autograd runs as a whole is split.

A linear layer's backward is two pieces, as in the plan's slots: `dgrad`, which others wait for, and
`wgrad`, which nobody does. What is between linear layers is one piece, with autograd inside. A piece
is a name (a part of its nodes' names in the graph) and a function without arguments; a `Run` carries
what goes from piece to piece. What forward saves are halves of the microbatch, so that backward may
run nanobatched or not, however forward ran.
"""

import torch
import torch.nn.functional as F

HALVES = 2


class Linear:
    def __init__(self, module, name):
        self.weight, self.name = module.weight, f"{name}/MatMul"

    def forward(self, x, halves):
        return x.matmul(self.weight.t()), list(x.chunk(halves))

    def dgrad(self, _saved, gradient):
        return gradient.matmul(self.weight)

    def wgrad(self, saved, gradient):
        x = torch.cat(saved).flatten(0, -2)
        accumulate(self.weight, gradient.flatten(0, -2).t().matmul(x))


class Local:
    """Anything that stays on one rank, differentiated by autograd."""

    def __init__(self, function, name):
        self.function, self.name = function, name

    def forward(self, x, halves):
        saved = []
        for part in x.chunk(halves):
            part = part.detach().requires_grad_()
            with torch.enable_grad():
                saved.append((part, self.function(part)))
        return torch.cat([y.detach() for _, y in saved]), saved

    def dgrad(self, saved, gradient):
        for (_, y), part in zip(saved, gradient.chunk(len(saved))):
            torch.autograd.backward(y, part)
        return torch.cat([x.grad for x, _ in saved])


def accumulate(parameter, gradient):
    parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


class Run:
    """A microbatch or a nanobatch on its way through a stage, forward or backward."""

    def __init__(self, stream, halves, saved=None):
        # The residual stream, or its gradient.
        self.stream = stream
        # What is summed over ranks, and the piece that takes the sum into the stream.
        self.summed = self.settling = self.settle = None
        # What goes from piece to piece in forward, and by piece what backward needs, in halves.
        self.inside, self.halves = None, halves
        self.saved = {} if saved is None else saved

    def sum(self, summed, settling, settle):
        self.summed, self.settling, self.settle = summed, settling, settle

    def entry(self):
        """The piece with which the next segment begins: takes in what was summed before."""

        def go():
            self.stream, self.summed = self.settle(self.summed), None

        return [] if self.summed is None else [(self.settling, go)]


class Segment:
    """What runs between two collectives: norm, columns, something local, rows; then a sum."""

    def __init__(self, layer, addition, norm, columns, local, rows):
        self.layer, self.addition = layer, addition
        self.norm, self.columns, self.local, self.rows = norm, columns, local, rows

    def forward(self, run):
        """The pieces of forward, and which makes what is summed, and added to the stream."""
        parts = (self.norm, self.columns, self.local, self.rows)

        def piece(part):
            def go():
                x = run.stream if part is self.norm else run.inside
                run.inside, run.saved[part] = part.forward(x, run.halves)
                if part is self.rows:
                    run.sum(run.inside, self.addition, lambda summed: run.stream + summed)

            return part.name, go

        return run.entry() + [piece(part) for part in parts], self.rows.name

    def backward(self, run):
        """The pieces of backward, and which makes what is summed, and goes back through the norm."""
        gradients = {}

        def gradient_of(part):
            return run.stream if part is self.rows else gradients[part]

        def dgrad(part, before):
            def go():
                gradients[before] = part.dgrad(run.saved[part], gradient_of(part))
                if part is self.columns:
                    run.sum(gradients[before], self.norm.name, through_norm)

            return f"{part.name}/dgrad", go

        def wgrad(part):
            return f"{part.name}/wgrad", lambda: part.wgrad(run.saved[part], gradient_of(part))

        def through_norm(summed):
            return run.stream + self.norm.dgrad(run.saved[self.norm], summed)

        pieces = [
            dgrad(self.rows, self.local),
            wgrad(self.rows),
            (self.local.name, dgrad(self.local, self.columns)[1]),
            dgrad(self.columns, self.norm),
            wgrad(self.columns),
        ]
        return run.entry() + pieces, f"{self.columns.name}/dgrad"


def segments_of(layer, index):
    """The two segments of a decoder layer, named as the exported graph names their nodes."""
    attention, mlp = layer.self_attn, layer.mlp
    return [
        Segment(
            index,
            f"layers.{index}/Add",
            Local(layer.attention_norm, "attention_norm/"),
            Linear(attention.qkv_proj, "self_attn/qkv_proj"),
            Local(attention.core, "self_attn/Softmax"),
            Linear(attention.o_proj, "self_attn/o_proj"),
        ),
        Segment(
            index,
            f"layers.{index}/Add_1",
            Local(layer.mlp_norm, "mlp_norm/"),
            Linear(mlp.up_proj, "mlp/up_proj"),
            Local(F.gelu, "mlp/Erf"),
            Linear(mlp.down_proj, "mlp/down_proj"),
        ),
    ]
