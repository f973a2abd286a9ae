"""Trains the small decoder: pipeline stages x tensor-parallel ranks, 1F1B, after a kareus plan.

Start it with `kareus run` (README.md beside this file). Without a plan it trains the same. It starts its
ranks itself where torchrun has not.
"""

import argparse
import json
import os
import socket
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from model import Shape
from stage import Stage
from unplanned import Unplanned


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=4, help="sequences of a microbatch")
    parser.add_argument("--microbatches", type=int, default=4)
    parser.add_argument("--stages", type=int, default=2)
    parser.add_argument("--tp", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--compare", action="store_true", help="also at the GPU's own clocks")
    parser.add_argument("--without-runtime", metavar="PLAN", help="same arithmetic, no runtime")
    parser.add_argument("--losses", metavar="FILE", help="write the losses, bit by bit")
    parser.add_argument("--synchronous", action="store_true", help="wait for each clock: for tests")
    return parser.parse_args()


class Job:
    """Where this rank is: tensor-parallel ranks lie together, stages apart."""

    def __init__(self, args):
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend)
        self.args, self.rank = args, dist.get_rank()
        if dist.get_world_size() != args.stages * args.tp:
            raise SystemExit(f"{args.stages} stages x {args.tp} ranks are needed: torchrun --nproc_per_node")
        if backend == "nccl":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        self.device = "cuda" if backend == "nccl" else "cpu"
        self.stage, self.tp_rank = divmod(self.rank, args.tp)
        self.tp_groups = [[s * args.tp + t for t in range(args.tp)] for s in range(args.stages)]
        made = [dist.new_group(ranks) for ranks in self.tp_groups]
        self.tp_group = made[self.stage]
        # A communicator per direction: what is sent forward never waits for what comes backward.
        self.forward_group, self.backward_group = dist.new_group(), dist.new_group()

    def schedule(self):
        """1F1B of this stage: (kind, microbatch) in order."""
        count, warm_up = self.args.microbatches, min(self.args.microbatches, self.args.stages - self.stage)
        order = [("forward", m) for m in range(warm_up)]
        for m in range(count):
            order.append(("backward", m))
            if warm_up + m < count:
                order.append(("forward", warm_up + m))
        return order


def batch_of(job, shape, step, microbatch):
    """Sequences that follow a rule with some noise: tokens, and the next ones as labels."""
    generator = torch.Generator().manual_seed(1_000_003 * step + microbatch)
    size = (job.args.batch, shape.sequence + 1)
    tokens = torch.randint(shape.vocab, size, generator=generator)
    keep = torch.rand(size, generator=generator) < 0.9
    for place in range(1, size[1]):
        following = (5 * tokens[:, place - 1] + 17) % shape.vocab
        tokens[:, place] = torch.where(keep[:, place], following, tokens[:, place])
    tokens = tokens.to(job.device)
    return tokens[:, :-1], tokens[:, 1:]


def train_step(job, runtime, stage, shape, step):
    """One step of 1F1B; the mean loss on the last stage, else None."""
    before, after = job.rank - job.args.tp, job.rank + job.args.tp
    size = (job.args.batch, shape.sequence, shape.hidden)
    losses, sent = [], []
    for kind, m in job.schedule():
        tokens, labels = batch_of(job, shape, step, m)
        received = None
        source, group = (before, job.forward_group) if kind == "forward" else (after, job.backward_group)
        if not (stage.first if kind == "forward" else stage.last):
            received = torch.empty(size, device=job.device)
            dist.recv(received, source, group=group)
        with runtime.instruction(kind, m):
            if kind == "forward":
                result = stage.forward(runtime, m, tokens, labels, received)
            else:
                result = stage.backward(runtime, m, received)
        if kind == "forward" and stage.last:
            losses.append(result)
        elif result is not None:
            target = after if kind == "forward" else before
            sent.append((dist.isend(result, target, group=group), result))
    with runtime.instruction("tail"):
        with torch.no_grad():
            for parameter in stage.parameters():
                parameter -= job.args.learning_rate * parameter.grad
                parameter.grad = None
    for work, _ in sent:
        work.wait()
    return torch.stack(losses).mean() if losses else None


def train(job, runtime):
    """All steps from the same start: losses, and mean time and energy (all GPUs) of a step."""
    shape = Shape()
    args = job.args
    stage = Stage(shape, job.stage, args.stages, job.tp_rank, args.tp, job.tp_group, args.microbatches)
    for module in stage.modules:
        module.to(job.device)
    losses, energies = [], []
    for step in range(args.steps):
        if step == min(1, args.steps - 1):  # The first step warms up.
            start_s, energies = time.perf_counter(), [runtime.energy_j()]
        with runtime.step():
            loss = train_step(job, runtime, stage, shape, step)
        if loss is not None:
            losses.append(loss.item())
    dist.barrier()
    steps = max(1, args.steps - 1)
    time_s = (time.perf_counter() - start_s) / steps
    energies.append(runtime.energy_j())
    known = None not in energies
    energy_j = torch.tensor([(energies[1] - energies[0]) / steps if known else float("nan")])
    energy_j = energy_j.to(job.device)
    dist.all_reduce(energy_j)
    return losses, time_s, energy_j.item()


def runtime_of(job, mode=None):
    """Follows the plan of $KAREUS_PLAN, if there is one."""
    from kareus_runtime import Options, Runtime, communication_groups

    runtime = Runtime(
        None,
        job.rank,
        job.stage,
        stages=job.args.stages,
        instructions=job.schedule(),
        options=Options(mode=mode, synchronous=job.args.synchronous),
    )
    if runtime.plan is not None and dist.get_backend() == "nccl":
        runtime.groups = communication_groups(runtime.plan, job.tp_groups, dist)
    return runtime


def start_ranks(count):
    """As torchrun would: this program again, once per rank."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ.update(WORLD_SIZE=str(count), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    mp.spawn(_rank, nprocs=count)


def _rank(rank):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank))
    main()


def main():
    args = arguments()
    if "RANK" not in os.environ:
        start_ranks(args.stages * args.tp)
        return
    torch.set_num_threads(1)
    job = Job(args)
    if args.without_runtime:
        runs = [("without the runtime", lambda: Unplanned.like(args.without_runtime, job.stage))]
    else:
        runs = [("as planned", lambda: runtime_of(job))]
        if args.compare:
            runs.insert(0, ("own clocks", lambda: runtime_of(job, "observe")))
    # The last stage knows the losses.
    speaks = job.rank == args.tp * (args.stages - 1)
    found = []
    for name, make in runs:
        runtime = make()
        losses, time_s, energy_j = train(job, runtime)
        runtime.close()
        found.append(losses)
        if speaks:
            energy = "energy unknown" if energy_j != energy_j else f"{energy_j:.1f} J"
            loss = f"loss {losses[0]:.4f} -> {losses[-1]:.4f}"
            print(f"{name}: {loss}, {time_s * 1e3:.0f} ms and {energy} a step", flush=True)
    if speaks and len(found) > 1:
        same = "equal" if found[0] == found[1] else "DIFFERENT"
        print(f"losses of both, bit by bit: {same}", flush=True)
    if speaks and args.losses:
        with open(args.losses, "w", encoding="utf-8") as file:
            json.dump([value.hex() for value in found[-1]], file)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
