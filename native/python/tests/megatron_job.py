"""All ranks of a job that trains with Megatron-LM's own 1F1B on gloo, without and with a plan.

Megatron asks for CUDA by name: here its tensors go to the CPU. Prints nothing; writes by rank the losses of
both, what the shim recorded, and the clocks that were set.
"""

import json
import os
import sys

import support
import torch
import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.enums import ModelType
from megatron.core.pipeline_parallel import schedules
from megatron.core.transformer.transformer_config import TransformerConfig
from ranks import gather, spawn

from kareus_runtime import Options, Runtime
from kareus_runtime.adapters import megatron
from kareus_runtime.native import KINDS

MICROBATCHES, STEPS, WIDTH, LENGTH = 4, 3, 8, 2


def on_cpu():
    """What Megatron calls of torch.cuda, for a machine without one."""
    zeros = torch.zeros
    torch.zeros = lambda *size, **words: zeros(
        *size, **{**words, **({"device": "cpu"} if words.get("device") == "cuda" else {})}
    )
    torch.cuda.current_device = lambda: torch.device("cpu")
    torch.cuda.synchronize = lambda *_: None


class Stage(torch.nn.Module):
    """A linear layer that takes its input from the stage before, as Megatron's models do."""

    def __init__(self, config, rank):
        super().__init__()
        torch.manual_seed(rank)
        self.model_type = ModelType.encoder_or_decoder
        self.config, self.layer, self.given = config, torch.nn.Linear(WIDTH, WIDTH), None

    def set_input_tensor(self, tensor):
        self.given = tensor[0] if isinstance(tensor, list) else tensor

    def forward(self, batch):
        return torch.tanh(self.layer(batch if self.given is None else self.given))


def forward_step(data, model):
    output = model(next(data))

    def loss_of(result):
        loss = result.square().mean()
        return loss, {"loss": loss.detach()}

    return output, loss_of


def train(rank, ranks, runtime):
    """The losses of every microbatch, bit by bit, on the last rank; an evaluation inside each step."""
    words = {"pipeline_dtype": torch.float32, "deallocate_pipeline_outputs": False}
    sizes = {"num_layers": ranks, "hidden_size": WIDTH, "num_attention_heads": 1}
    config = TransformerConfig(pipeline_model_parallel_size=ranks, **sizes, **words)
    model = Stage(config, rank)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = schedules.get_forward_backward_func()
    found = []

    def all_of_it(batches, forward_only):
        return run(
            forward_step_func=forward_step,
            data_iterator=iter(batches),
            model=model,
            num_microbatches=MICROBATCHES,
            seq_length=LENGTH,
            micro_batch_size=1,
            forward_only=forward_only,
        )

    for step in range(STEPS):
        generator = torch.Generator().manual_seed(step)
        batches = [torch.randn(LENGTH, 1, WIDTH, generator=generator) for _ in range(MICROBATCHES)]
        with runtime.step():
            found += [each["loss"].item().hex() for each in all_of_it(batches, False)]
            with torch.no_grad():
                all_of_it(batches, True)
            with runtime.instruction("tail"):
                optimizer.step()
                optimizer.zero_grad()
    return found


def work(rank, ranks, results):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(ranks))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=ranks)
    parallel_state.initialize_model_parallel(pipeline_model_parallel_size=ranks)
    on_cpu()
    report = {"losses": train(rank, ranks, Runtime(None, rank, rank, options=Options(mode="off")))}
    plan = os.path.join(os.path.dirname(results), "plan.json")
    if rank == 0:
        with open(plan, "w", encoding="utf-8") as file:
            json.dump(support.plan_data(stages=ranks, microbatches=MICROBATCHES), file)
    options = Options(device=rank, synchronous=True, profile=os.path.dirname(results))
    with Runtime(plan, rank, rank, stages=ranks, options=options) as runtime:
        runtime.recorder = None  # The test takes the records itself.
        megatron.follow(schedules, runtime)
        report["followed"] = train(rank, ranks, runtime)
        runtime.device.flush(10)
        names = {number: kind for kind, number in KINDS.items()}
        report["recorded"] = [(names[r.kind], r.microbatch) for r in runtime.device.take_records()]
        report["planned"] = [(i.kind, -1 if i.microbatch is None else i.microbatch) for i in runtime.instructions]
        report["clocks"] = [i.freq_mhz for i in runtime.instructions]
        report["mode"], report["changes"] = runtime.mode, runtime.device.changes()
    gather(report, results)


if __name__ == "__main__":
    spawn(work, int(sys.argv[1]), sys.argv[2])
