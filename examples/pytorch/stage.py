"""One pipeline stage on one tensor-parallel rank: instructions run as a plan says, or plainly.

`runtime` is kareus_runtime's, or anything with its `current`, `find` and `overlap` (unplanned.py).
An instruction is sequential (a segment, then its sum) or nanobatched: two halves of the microbatch
take turns, and the sum of one runs beside the segment of the other.
"""

import torch
import torch.distributed as dist
from torch import nn

from model import Layer
from pieces import HALVES, Linear, Local, Run, accumulate, segments_of


class Stage:
    def __init__(self, shape, stage, stages, tp_rank, tp_size, group, microbatches):
        self.group, self.microbatches = group, microbatches
        self.first, self.last = stage == 0, stage == stages - 1
        self.words = shape.vocab // tp_size
        self.first_word = tp_rank * self.words
        per_stage = shape.layers // stages
        self.modules = []
        self.segments = []
        for index in range(stage * per_stage, (stage + 1) * per_stage):
            layer = Layer(shape, tp_size)
            self.modules.append(layer)
            self.segments += segments_of(layer, index)
        if self.first:
            self.embedding = nn.Embedding(self.words, shape.hidden)
            self.modules.append(self.embedding)
        if self.last:
            norm = nn.LayerNorm(shape.hidden)
            head = nn.Linear(shape.hidden, self.words, bias=False)
            self.norm, self.head = Local(norm, "inner/norm/"), Linear(head, "lm_head")
            self.modules += [norm, head]
        self._initialize(1000 * (stage * tp_size + tp_rank))
        # By microbatch: tokens, and what backward needs.
        self.held = {}

    def _initialize(self, seed):
        """The same weights in every run; norms keep theirs, alike on all ranks."""
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                parameter.data.copy_(0.05 * torch.randn(parameter.shape, generator=generator))

    def parameters(self):
        return [parameter for module in self.modules for parameter in module.parameters()]

    @torch.no_grad()
    def forward(self, runtime, microbatch, tokens, labels, received):
        """The result for the next stage, or the loss on the last one."""
        x = self._embed(tokens) if self.first else received
        runs = self._split(runtime, Run(x, HALVES))
        for segment in self.segments:
            self._run(runtime, segment.layer, segment.rows.name, runs, segment.forward)
        x = self._settled(runtime, runs, self.segments[-1].addition)
        saved = {part: sum((run.saved[part] for run in runs), []) for part in runs[0].saved}
        loss, gradient = self._loss(x, labels, saved) if self.last else (None, None)
        self.held[microbatch] = tokens, saved, gradient
        return loss if self.last else x

    @torch.no_grad()
    def backward(self, runtime, microbatch, received):
        """Accumulates gradients; the gradient for the stage before, None on the first."""
        tokens, saved, gradient = self.held.pop(microbatch)
        whole = Run(gradient if self.last else received, HALVES, saved)
        if self.last:
            self._run(runtime, None, "lm_head/MatMul/wgrad", [whole], self._head_backward)
        runs = self._split(runtime, whole)
        for segment in reversed(self.segments):
            node = f"{segment.columns.name}/wgrad"
            self._run(runtime, segment.layer, node, runs, segment.backward)
        gradient = self._settled(runtime, runs, "attention_norm/")
        if not self.first:
            return gradient
        mine, place = self._own_words(tokens)
        weight = torch.zeros_like(self.embedding.weight)
        weight.index_add_(0, place.flatten(), (gradient * mine.unsqueeze(-1)).flatten(0, -2))
        accumulate(self.embedding.weight, weight)
        return None

    def _split(self, runtime, whole):
        """The run itself, or its nanobatches where the instruction is run so."""
        if runtime.current is None or not runtime.current.nanobatched:
            return [whole]
        runtime.overlap(whole.entry(), None)
        return [
            Run(part, 1, {piece: [halves[own]] for piece, halves in whole.saved.items()})
            for own, part in enumerate(whole.stream.chunk(HALVES))
        ]

    def _run(self, runtime, layer, node, runs, pieces_of):
        """One segment of every run. A nanobatch's sum runs beside the next segment of the other."""
        if len(runs) == 1:
            pieces, needs = pieces_of(runs[0])
            partition = runtime.find(node, layer)
            runtime.overlap(pieces, lambda group: self._sum(runs[0], group), partition, needs)
            return
        for own, run in enumerate(runs):
            other = runs[1 - own]
            waiting = other.summed is not None
            pieces, _ = pieces_of(run)
            partition = runtime.find(node, layer, own)
            beside = (lambda group, run=other: self._sum(run, group)) if waiting else None
            runtime.overlap(pieces, beside, partition)

    def _sum(self, run, group):
        return dist.all_reduce(run.summed, group=group or self.group, async_op=True)

    def _settled(self, runtime, runs, node):
        """The stream after the last sum, which is exposed; of both nanobatches together."""
        for own, run in enumerate(runs):
            other = runs[1 - own] if len(runs) > 1 else None
            beside = None
            if other is not None and own == 0:
                beside = lambda group: self._sum(other, group)  # noqa: E731
            layer, nanobatch = self.segments[-1].layer, own if len(runs) > 1 else None
            partition = runtime.find(node, layer, nanobatch)
            runtime.overlap(run.entry(), beside, partition)
        return torch.cat([run.stream for run in runs])

    def _head_backward(self, run):
        """From the gradient of the logits to that of the last layer's result."""
        logits = run.stream

        def dgrad():
            summed = self.head.dgrad(run.saved[self.head], logits)
            run.sum(summed, self.norm.name, through_norm)

        def through_norm(summed):
            return self.norm.dgrad(run.saved[self.norm], summed)

        def wgrad():
            self.head.wgrad(run.saved[self.head], logits)

        return [("lm_head/MatMul/dgrad", dgrad), ("lm_head/MatMul/wgrad", wgrad)], (
            "lm_head/MatMul/dgrad"
        )

    def _embed(self, tokens):
        mine, place = self._own_words(tokens)
        x = self.embedding.weight[place] * mine.unsqueeze(-1)
        dist.all_reduce(x, group=self.group)
        return x

    def _own_words(self, tokens):
        """Which words are this rank's, and their places; 0 for others."""
        place = tokens - self.first_word
        mine = (place >= 0) & (place < self.words)
        return mine, place * mine

    def _loss(self, x, labels, saved):
        """Cross-entropy with the vocabulary cut over ranks, and the gradient of the logits."""
        x, saved[self.norm] = self.norm.forward(x, HALVES)
        logits, saved[self.head] = self.head.forward(x, HALVES)
        highest = logits.amax(-1)
        dist.all_reduce(highest, op=dist.ReduceOp.MAX, group=self.group)
        shares = (logits - highest.unsqueeze(-1)).exp()
        mine, place = self._own_words(labels)
        chosen = logits.gather(-1, place.unsqueeze(-1)).squeeze(-1) * mine
        sums = torch.stack([shares.sum(-1), chosen])
        dist.all_reduce(sums, group=self.group)
        loss = (sums[0].log() + highest - sums[1]).mean()
        gradient = shares / sums[0].unsqueeze(-1)
        gradient.scatter_add_(-1, place.unsqueeze(-1), -mine.unsqueeze(-1).to(gradient.dtype))
        return loss, gradient / (labels.numel() * self.microbatches)
