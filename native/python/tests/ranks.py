"""The ranks of a job on gloo, each a process of this machine."""

import json
import os
import socket

import torch.distributed as dist
import torch.multiprocessing as mp


def gather(report, results):
    """What every rank has to say, written by the first as one list; the job's last words."""
    everyone = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, report)
    if dist.get_rank() == 0:
        with open(results, "w", encoding="utf-8") as file:
            json.dump(everyone, file)
    dist.destroy_process_group()


def spawn(work, ranks, *words):
    """Runs `work(rank, ranks, *words)` in a process for each rank, with a free port to meet at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(probe.getsockname()[1]))
    mp.spawn(work, (ranks, *words), nprocs=ranks)
