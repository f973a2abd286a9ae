"""Instructions around what a schedule of torch.distributed.pipelining runs.

Tested against stand-ins with the signatures of PyTorch 2.9 (`torch/distributed/pipelining/stage.py`,
`schedules.py`): forward_one_chunk(fwd_chunk_id, args, kwargs, save_forward_output),
backward_one_chunk(bwd_chunk_id, loss, full_backward, last_backward) and
backward_weight_one_chunk(bwd_chunk_id, last_backward), methods of the stages of a schedule.
"""

import functools

_KINDS = {"F": "forward", "B": "backward", "I": "input_gradient", "W": "weight_gradient"}


def follow(schedule, runtime):
    """Wraps the stages of a schedule: from now on each chunk is an instruction of `runtime`.

    The step is yours, because it holds the optimizer: `with runtime.step(): schedule.step(...)`, then
    `with runtime.instruction("tail"): optimizer.step()`.
    """
    stages = stages_of(schedule)
    for chunk, stage in enumerate(stages):
        _wrap(stage, runtime, chunk)
    return schedule


def stages_of(schedule):
    """The stages that this rank runs, in the order of the model: a chunk each."""
    single = getattr(schedule, "_stage", None)
    stages = [single] if single is not None else schedule._stages
    return sorted(stages, key=lambda stage: stage.stage_index)


def instructions_of(schedule, rank):
    """The order in which a schedule of several chunks runs this rank, for Runtime(instructions=...);
    None where a schedule does not keep it (those of one chunk)."""
    orders = getattr(schedule, "pipeline_order", None)
    if orders is None:
        return None
    chunks = {stage.stage_index: chunk for chunk, stage in enumerate(stages_of(schedule))}
    found = []
    for action in orders[rank]:
        kind = None if action is None else _KINDS.get(_letter(action.computation_type))
        if kind is not None:
            found.append((kind, action.microbatch_index, chunks[action.stage_index]))
    return found


def _letter(computation_type):
    """Members of PyTorch's enum print as "F", "B", "I" or "W", and others for communication."""
    return str(computation_type)


def _wrap(stage, runtime, chunk):
    forward, backward = stage.forward_one_chunk, stage.backward_one_chunk
    weight = getattr(stage, "backward_weight_one_chunk", None)

    @functools.wraps(forward)
    def forward_one_chunk(fwd_chunk_id, *args, **kwargs):
        with runtime.instruction("forward", fwd_chunk_id, chunk):
            return forward(fwd_chunk_id, *args, **kwargs)

    @functools.wraps(backward)
    def backward_one_chunk(bwd_chunk_id, loss=None, full_backward=True, last_backward=False):
        kind = "backward" if full_backward else "input_gradient"
        with runtime.instruction(kind, bwd_chunk_id, chunk):
            return backward(
                bwd_chunk_id,
                loss=loss,
                full_backward=full_backward,
                last_backward=last_backward,
            )

    stage.forward_one_chunk = forward_one_chunk
    stage.backward_one_chunk = backward_one_chunk
    if weight is None:
        return

    @functools.wraps(weight)
    def backward_weight_one_chunk(bwd_chunk_id, *args, **kwargs):
        with runtime.instruction("weight_gradient", bwd_chunk_id, chunk):
            return weight(bwd_chunk_id, *args, **kwargs)

    stage.backward_weight_one_chunk = backward_weight_one_chunk
