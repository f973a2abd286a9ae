"""The runtime of one rank: opens its GPU, follows the plan, records what came of it.

Before step 1 a plan that does not fit is refused (PlanRefused, on every rank). From then on nothing
here raises: trouble is one warning, and training goes on at the GPU's own clocks.
"""

import atexit
import os
import sys

from . import diagnostics as krs
from . import native, share
from .checks import refusal
from .overlap import Streams, overlap
from .plan import parse_plan
from .recording import Recorder

MODES = ("control", "observe", "off")
# Instructions that may end before the records are fetched, at the end of each step.
RECORD_CAPACITY = 65536


class Runtime:
    """Follows a plan on one rank. Every rank of the job makes one, at the same point.

    plan: path of plan.json; None: $KAREUS_PLAN, and without that nothing is done. Rank 0 reads it, and
    decides of plan and mode for all. rank: of this process in the job. stage: the pipeline stage that
    it runs. What is known of the job is checked: `stages` it has, and `instructions`, the order in
    which it runs this stage, as tuples (kind, microbatch) or (kind, microbatch, chunk). `device` is the
    GPU's UUID, PCI bus id or NVML index (torch's current one). `mode` control, observe or off,
    `backend` nvml, zeusd or dry, `profile` the folder that takes what was measured: each from the
    environment where it is None. `synchronous` waits at boundaries until the clock has changed: for
    tests.
    """

    def __init__(
        self,
        plan,
        rank,
        stage,
        *,
        stages=None,
        instructions=None,
        device=None,
        mode=None,
        backend=None,
        profile=None,
        synchronous=False,
    ):
        self.rank, self.stage = rank, stage
        self.plan = None
        self.device = None
        self.recorder = None
        self.groups = None
        self._current = None
        self._boundaries = {}
        self._stream = native.stream()
        self._streams = None
        self._said = set()
        self._pid = os.getpid()
        self._step = _Step(self)
        # Steps begun, and whether one is running.
        self.steps, self.stepping = 0, False
        path = plan or os.environ.get("KAREUS_PLAN")
        mode = _word("mode", mode, "KAREUS_MODE", MODES)
        path, self.mode, text = share.plan_of_first(None if path is None else str(path), mode)
        if self.mode == "off":
            return
        self.plan = parse_plan(text, path)
        backend = _word("backend", backend, "KAREUS_BACKEND", native.BACKENDS)
        # Without a GPU nothing is measured.
        folder = None if backend == "dry" else profile or os.environ.get("KAREUS_PROFILE")
        capacity = RECORD_CAPACITY if folder else 0
        device = _this_device() if device is None else str(device)
        self._open(backend, device, capacity, synchronous)
        try:
            share.agree(self._refusal(stages, instructions))
        except krs.PlanRefused:
            self.close()
            raise
        if folder and self.device is not None:
            capabilities = self.device.capabilities
            self.recorder = Recorder(folder, rank, stage, self.plan, capabilities)
        for planned in self.instructions:
            self._boundary(planned.kind, planned.microbatch, planned.chunk, planned)
        self._streams = _streams()
        atexit.register(self.close)

    @property
    def instructions(self):
        """What the plan has for this stage, in order; empty without one."""
        return () if self.plan is None else self.plan.stages[self.stage]

    def _open(self, backend, device, capacity, synchronous):
        """Opens the GPU: to control it, else to observe it, else not at all; each with a warning."""
        path = native.library_path()
        try:
            library = native.Library(path)
        except OSError as reason:
            self._give_up(krs.no_library(path, reason))
            return
        wanted = [native.CONTROL, native.OBSERVE] if self.mode == "control" else [native.OBSERVE]
        for mode in wanted:
            try:
                self.device = library.open(backend, mode, device, capacity, synchronous)
                break
            except native.ShimError as error:
                where = f"rank {self.rank}, GPU {device}"
                self._give_up(krs.not_controlled(where, error.name, error.message))

    def _give_up(self, diagnostic):
        """What is missing first is what to mend; that observing fails as well says no more."""
        if self.mode == "control" or not self._said:
            self._warn_once(diagnostic)
        self.mode = "observe"

    def _warn_once(self, diagnostic):
        """Each kind of trouble is told once."""
        if diagnostic.code not in self._said:
            self._said.add(diagnostic.code)
            krs.warn(diagnostic)

    def _refusal(self, stages, instructions):
        """Why this rank refuses the plan, or None."""
        gpu = self.device and self.device.capabilities.name.decode(errors="replace")
        found = refusal(
            self.plan, self.stage, share.world_size(), gpu or None, stages, instructions
        )
        try:
            if found is None and self.device is not None:
                self.device.set_plan(self.instructions, self.plan.switch_time_s)
        except native.ShimError as error:
            found = krs.refused_by_shim(self.plan.path, error.name, error.message)
        return found

    def step(self):
        """`with rt.step():` around one training step, the optimizer's included."""
        return self._step

    def instruction(self, kind, microbatch=None, chunk=0):
        """`with rt.instruction("forward", 3):` around the work of one instruction."""
        try:
            return self._boundaries[kind, microbatch, chunk]
        except KeyError:
            return self._boundary(kind, microbatch, chunk, None)

    def _boundary(self, kind, microbatch, chunk, planned):
        if self.device is None:
            calls = (_nothing, (), _nothing, ())
        else:
            calls = self.device.boundary(kind, microbatch, chunk, self._stream)
        boundary = _Boundary(self, planned, *calls)
        self._boundaries[kind, microbatch, chunk] = boundary
        return boundary

    @property
    def current(self):
        """The planned instruction that is running; None outside of one, and where none is planned."""
        return self._current

    def partition(self, key, layer=None, nanobatch=None):
        """How the running instruction runs the partition of a key: launch slot, SMs, order; or None.
        `layer` None: outside the layers, `nanobatch` None: of the whole microbatch."""
        planned = self._current
        return None if planned is None else planned.partition(key, layer, nanobatch)

    def find(self, node, layer=None, nanobatch=None):
        """The same by a part of the name of one of its nodes: `mlp/up_proj/MatMul`."""
        planned = self._current
        return None if planned is None else planned.find(node, layer, nanobatch)

    def overlap(self, compute_ops, communication, partition=None, needs=None):
        """Runs a partition as planned, on two streams where there is a GPU: see overlap.overlap.
        `communication(group)` gets the group with the planned SMs, if `rt.groups` is set."""
        group = None
        if self.groups is not None:
            group = self.groups.of(0 if partition is None else partition.sms)
        overlap(
            partition, compute_ops, communication, needs, group, self._streams, self._warn_once
        )

    def energy_j(self):
        """The GPU's energy counter, of which only differences mean something; None without one."""
        try:
            return None if self.device is None else self.device.energy_j()
        except native.ShimError:
            return None

    def summary(self):
        """By instruction kind: runs, mean planned and recorded time_s and energy_j (or None)."""
        rows = {}
        for kind, (time, energy) in (self.recorder.totals if self.recorder else {}).items():
            planned = [i for i in self.instructions if i.kind == kind]
            rows[kind] = {
                "runs": time.count,
                "planned_time_s": sum(i.time_s for i in planned) / len(planned),
                "time_s": time.mean,
                "planned_energy_j": sum(i.energy_j for i in planned) / len(planned),
                "energy_j": energy.mean if energy.count else None,
            }
        return rows

    def close(self):
        """Writes what was measured and gives the GPU back. Fine twice; the end of the process does it."""
        if self.device is None or os.getpid() != self._pid:
            return
        atexit.unregister(self.close)
        self._try(lambda: self.device.flush(1.0))
        self._record(last=True)
        device, self.device = self.device, None
        try:
            device.close()
        except native.ShimError as error:
            krs.warn(krs.not_closed(f"rank {self.rank}", error.name, error.message))
        for boundary in self._boundaries.values():
            boundary.detach()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _step_begin(self):
        self.steps, self.stepping = self.steps + 1, True
        if self.device is None:
            return
        self._stream.value = _current_stream()
        self._try(self.device.step_begin)

    def _step_end(self):
        self.stepping = False
        if self.device is None:
            return
        self._try(self.device.step_end)
        self._record()

    def _record(self, last=False):
        if self.recorder is None:
            return
        try:
            self.recorder.add(self.device.take_records())
            if last:
                self.recorder.close()
        except (OSError, native.ShimError) as reason:
            krs.warn(self.recorder.gave_up(reason))
            self.recorder = None

    def _try(self, call):
        """Trouble with the GPU is a warning, never an exception in the training loop."""
        try:
            call()
        except native.ShimError as error:
            self._warn(error)

    def _trouble(self, code):
        self._warn(self.device.error(code))

    def _still_controls(self):
        try:
            return self.device.statistics().mode == native.CONTROL
        except native.ShimError:  # A forked child has no controller.
            return False

    def _warn(self, error):
        followed = self._still_controls()
        self.mode = self.mode if followed else "observe"
        kind = krs.still_followed if followed else krs.clocks_given_up
        self._warn_once(kind(f"rank {self.rank}", error.name, error.message))


class _Step:
    """One training step; the same object serves all."""

    def __init__(self, runtime):
        self._runtime = runtime

    def __enter__(self):
        self._runtime._step_begin()
        return self._runtime

    def __exit__(self, *_):
        self._runtime._step_end()


class _Boundary:
    """One instruction of every step. Entering is one call of the shim with arguments made before."""

    __slots__ = ("_runtime", "_planned", "_begin", "_begin_with", "_end", "_end_with")

    def __init__(self, runtime, planned, begin, begin_with, end, end_with):
        self._runtime, self._planned = runtime, planned
        self._begin, self._begin_with = begin, begin_with
        self._end, self._end_with = end, end_with

    def __enter__(self):
        runtime = self._runtime
        runtime._current = self._planned
        code = self._begin(*self._begin_with)
        if code:
            runtime._trouble(code)

    def __exit__(self, *_):
        code = self._end(*self._end_with)
        runtime = self._runtime
        runtime._current = None
        if code:
            runtime._trouble(code)

    def detach(self):
        """Forgets the GPU: what runs after close() does nothing."""
        self._begin, self._begin_with = _nothing, ()
        self._end, self._end_with = _nothing, ()


def _nothing():
    return 0


def _word(what, given, variable, known):
    """A setting from its argument or the environment; the first known word by default."""
    word = given or os.environ.get(variable) or known[0]
    if word not in known:
        raise ValueError(f"{what} is {word!r}, not one of {', '.join(known)}")
    return word


def _cuda():
    """torch.cuda where the job uses it; else None. A job that never imported torch has none."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def _streams():
    cuda = _cuda()
    return None if cuda is None else Streams(cuda)


def _current_stream():
    cuda = _cuda()
    return None if cuda is None else cuda.current_stream().cuda_stream or native.DEFAULT_STREAM


def _this_device():
    """This rank's GPU as NVML knows it: CUDA numbers GPUs in an order of its own."""
    cuda = _cuda()
    uuid = cuda and getattr(cuda.get_device_properties(cuda.current_device()), "uuid", None)
    if uuid is not None:
        return f"GPU-{uuid}"
    local = os.environ.get("LOCAL_RANK", "0")
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return visible[int(local)] if int(local) < len(visible) else local
