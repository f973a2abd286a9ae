"""The runtime of one rank: opens its GPU, follows the plan, records what came of it.

Before step 1 a plan that does not fit is refused (PlanRefused, on every rank). From then on nothing
here raises: trouble is one warning, and training goes on at the GPU's own clocks.
"""

from __future__ import annotations

import atexit
import os
from dataclasses import replace
from typing import Callable, Dict, Optional, Sequence, Set, Tuple, Union

from . import diagnostics as krs
from . import gpu, native, share
from .boundary import Boundary, Running, Step
from .changing import Changes
from .checks import Declared, Job, other_work, refusal
from .course import Course
from .groups import Groups, limit_point_to_point
from .ledger import Ledger
from .options import Options
from .overlap import Communication, Names, Piece, Streams, overlap
from .plan import Instruction, Plan, PlannedPartition, parse_plan
from .recording import TIME_PER_RECORD_S, Recorder, source_of

# Instructions that may end before the records are fetched, at the end of each step.
RECORD_CAPACITY = 65536
# How long the end of a job waits for what the GPU still has to do.
CLOSING_S = 10.0


class Runtime:
    """Follows a plan on one rank. Every rank of the job makes one, at the same point.

    `plan` is the path of plan.json. None takes $KAREUS_PLAN, and without that nothing is done. Rank 0
    reads the plan and decides on it, and on the mode, for all ranks. `rank` is that of this process in
    the job, `stage` the pipeline stage that it runs.

    What the job says of itself is checked against the plan: `stages` is how many it has, and
    `instructions` the order in which it runs this stage, as tuples (kind, microbatch) or (kind,
    microbatch, chunk); `schedule`, the name of its schedule's class, tells how to plan for it; a plan
    for another `recompute` (`kareus optimize --recompute`) is one warning. `options` says how to work
    with the GPU.

    Raises PlanRefused on every rank if the plan does not fit the job or its GPU, and ValueError if
    `options` holds an unknown word.
    """

    def __init__(
        self,
        plan: Union[str, os.PathLike[str], None],
        rank: int,
        stage: int,
        *,
        stages: Optional[int] = None,
        instructions: Optional[Sequence[Declared]] = None,
        schedule: Optional[str] = None,
        recompute: Optional[str] = None,
        options: Options = Options(),
    ) -> None:
        self.rank, self.stage = rank, stage
        self.plan: Optional[Plan] = None
        """What is in force, or was last, or will be: every plan of a job has the same instructions."""
        self.device: Optional[native.Device] = None
        self.recorder: Optional[Recorder] = None
        self.groups: Optional[Groups] = None
        """What communication_groups() made; overlap() takes the group with the planned SMs from it."""
        self.steps, self.stepping = 0, False
        """How many steps have begun, and whether one is running."""
        self._running = Running()
        self._boundaries: Dict[Tuple[str, Optional[int], int], Boundary] = {}
        self._stream = native.stream()
        self._streams: Optional[Streams] = None
        self._said: Set[str] = set()
        self._pid = os.getpid()
        self._step = Step(self._step_begin, self._step_end)
        self._changes: Optional[Changes] = None
        path = plan or os.environ.get("KAREUS_PLAN")
        wanted = None if path is None else os.fspath(path)
        path, self.mode, text, follows, accounts = share.plan_of_first(
            wanted,
            options.mode_word,
            options.followed is not None,
            options.steps_file is not None,
        )
        if self.mode == "off" or text is None:
            return
        _show(rank, options.ranks_folder)
        self.plan = parse_plan(text, str(path))
        limit_point_to_point(self.plan)
        self._open(options)
        self._job = Job(stages, instructions, schedule, options.has_copy_engines, recompute)
        try:
            share.agree(self._refusal(self.plan, self._job))
        except krs.PlanRefused:
            self.close()
            raise
        self._doubt(self.plan)
        if options.folder is not None and self.device is not None:
            every_s = min(TIME_PER_RECORD_S, options.looks_every_s) if follows else TIME_PER_RECORD_S
            self.recorder = Recorder(options.folder, rank, stage, self.plan, self.device, every_s)
        for planned in self.instructions:
            self._boundary(planned.kind, planned.microbatch, planned.chunk, planned)
        if follows or accounts:
            self._changes = self._following(self.plan, options, accounts)
        self._streams = gpu.streams()
        atexit.register(self.close)

    @property
    def instructions(self) -> Tuple[Instruction, ...]:
        """What the plan has for this stage, in order; empty without a plan."""
        return () if self.plan is None else self.plan.stages[self.stage]

    def _following(self, plan: Plan, options: Options, accounts: bool) -> Changes:
        """What lets the plan change: from here on none is in force, until the first look finds one."""
        course = ledger = None
        if share.is_first():
            followed, steps = options.followed or plan.path, options.steps_file
            course = Course(followed, options.plans_folder, options.looks_every_s)
            if steps is not None:
                driver = "" if self.device is None else self.device.driver
                ledger = Ledger(steps, plan, share.world_size(), source_of(driver))
        self._take(None)
        return Changes(course, ledger, accounts, self.energy_j, self._take)

    def _take(self, plan: Optional[Plan]) -> Optional[krs.Diagnostic]:
        """Puts a plan into force between steps, None: the job as it is; or returns why not."""
        try:
            if plan is None:
                if self.device is not None:
                    self.device.drop_plan()
            else:
                refused = self._refusal(plan, self._same_job())
                if refused is not None:
                    return refused
                self._doubt(plan)
                self.plan = plan
        except native.ShimError as error:
            return krs.refused_by_shim("clocks", error.name, error.message)
        for planned in self.instructions:
            key = planned.kind, planned.microbatch, planned.chunk
            self._boundaries[key].plan(None if plan is None else planned)
        if self.recorder is not None:
            self.recorder.restart(self.steps)
        return None

    def _same_job(self) -> Job:
        """The job as what follows must fit it: in the order in which it runs now."""
        order = [(each.kind, each.microbatch, each.chunk) for each in self.instructions]
        return replace(self._job, instructions=order)

    def _open(self, options: Options) -> None:
        """Opens the GPU: to control it, else to observe it, else not at all; each with a warning."""
        path = native.library_path()
        try:
            library = native.Library(path)
        except OSError as reason:
            self._give_up(krs.no_library(path, reason))
            return
        device = gpu.this_device() if options.device is None else str(options.device)
        capacity = 0 if options.folder is None else RECORD_CAPACITY
        wanted = [native.CONTROL, native.OBSERVE] if self.mode == "control" else [native.OBSERVE]
        for mode in wanted:
            try:
                self.device = library.open(
                    options.backend_word, mode, device, capacity, options.synchronous
                )
                break
            except native.ShimError as error:
                where = f"rank {self.rank}, GPU {device}"
                self._give_up(krs.not_controlled(where, error.name, error.message))

    def _give_up(self, diagnostic: krs.Diagnostic) -> None:
        """What is missing first is what to mend; that observing fails as well says no more."""
        if self.mode == "control" or not self._said:
            self._warn_once(diagnostic)
        self.mode = "observe"

    def _warn_once(self, diagnostic: krs.Diagnostic) -> None:
        """Each kind of trouble is told once, by the first rank that has it."""
        if diagnostic.code not in self._said:
            self._said.add(diagnostic.code)
            if share.first_to_say(diagnostic.code):
                krs.warn(diagnostic)

    def _doubt(self, plan: Plan) -> None:
        """Says where a plan promises what this job will not do."""
        found = other_work(plan, self._job)
        if found is not None:
            self._warn_once(found)

    def _refusal(self, plan: Plan, job: Job) -> Optional[krs.Diagnostic]:
        """Why this rank refuses the plan, or None."""
        name = None if self.device is None else self.device.name
        found = refusal(plan, self.stage, share.world_size(), name or None, job)
        try:
            if found is None and self.device is not None:
                self.device.set_plan(plan.stages[self.stage], plan.switch_to_s)
        except native.ShimError as error:
            found = krs.refused_by_shim(plan.path, error.name, error.message)
        return found

    def step(self) -> Step:
        """Returns the context of one training step, the optimizer's part included."""
        return self._step

    def instruction(
        self, kind: str, microbatch: Optional[int] = None, chunk: int = 0
    ) -> Boundary:
        """Returns the context of one instruction's work: `with rt.instruction("forward", 3):`."""
        try:
            return self._boundaries[kind, microbatch, chunk]
        except KeyError:
            return self._boundary(kind, microbatch, chunk, None)

    def _boundary(
        self, kind: str, microbatch: Optional[int], chunk: int, planned: Optional[Instruction]
    ) -> Boundary:
        calls = None
        if self.device is not None:
            calls = self.device.boundary(kind, microbatch, chunk, self._stream)
        boundary = Boundary(self._running, planned, calls, self._trouble)
        self._boundaries[kind, microbatch, chunk] = boundary
        return boundary

    @property
    def current(self) -> Optional[Instruction]:
        """The planned instruction that is running; None outside of one, and where none is planned."""
        return self._running.instruction

    def partition(
        self, key: str, layer: Optional[int] = None, nanobatch: Optional[int] = None
    ) -> Optional[PlannedPartition]:
        """Returns how the running instruction runs the partition of a key: launch slot, SMs, order.

        `layer` None means outside the layers, `nanobatch` None the whole microbatch. Returns None
        where the plan says nothing of it.
        """
        planned = self.current
        return None if planned is None else planned.partition(key, layer, nanobatch)

    def find(
        self, node: str, layer: Optional[int] = None, nanobatch: Optional[int] = None
    ) -> Optional[PlannedPartition]:
        """Returns the same as partition(), by a part of a node's name: `mlp/up_proj/MatMul`."""
        planned = self.current
        return None if planned is None else planned.find(node, layer, nanobatch)

    def overlap(
        self,
        compute_ops: Sequence[Piece],
        communication: Union[Communication, Sequence[Communication], None],
        partition: Optional[PlannedPartition] = None,
        needs: Names = None,
    ) -> None:
        """Runs a partition as planned, on two streams where there is a GPU: see overlap.overlap.

        `communication(group)` gets the group with the planned SMs, if `rt.groups` is set.
        """
        group = None
        if self.groups is not None:
            group = self.groups.of(0 if partition is None else partition.sms)
        overlap(
            partition, compute_ops, communication, needs, group, self._streams, self._warn_once
        )

    def energy_j(self) -> Optional[float]:
        """Reads the GPU's energy counter, of which only differences mean something.

        Returns None without a counter. A reading takes milliseconds: not for every instruction.
        """
        try:
            return None if self.device is None else self.device.energy_j()
        except native.ShimError:
            return None

    def summary(self) -> Dict[str, Dict[str, Union[int, float, None]]]:
        """Returns, by kind, how many instructions ran, and planned and recorded time_s and energy_j.

        Both are means over the instructions of the kind; what was not measured is None. The energy of
        the last tenth of a second is not known yet, and what ran then is left out.
        """
        if self.device is not None:
            self._record(self.device)
        return {} if self.recorder is None else self.recorder.summary(self.instructions)

    def close(self) -> None:
        """Writes what was measured and gives the GPU back.

        A second call does nothing. The end of the process calls it if the job has not.
        """
        if self.device is None or os.getpid() != self._pid:
            return
        atexit.unregister(self.close)
        device, where = self.device, f"rank {self.rank}"
        self._finish(device, where)
        locks = self._holds_locks(device)
        self.device = None
        try:
            device.close()
        except native.ShimError as error:
            self._warn_once(krs.not_closed(where, error.name, error.message, locks))
        for boundary in self._boundaries.values():
            boundary.detach()

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _step_begin(self) -> None:
        if self._changes is not None:
            self._changes.before_step(self.steps)
        self.steps, self.stepping = self.steps + 1, True
        if self.device is None:
            return
        self._stream.value = gpu.current_stream()
        self._try(self.device.step_begin)

    def _step_end(self) -> None:
        self.stepping = False
        if self.device is None:
            return
        self._try(self.device.step_end)
        self._record(self.device)

    def _record(self, device: native.Device, last: bool = False) -> None:
        if self.recorder is None:
            return
        try:
            self.recorder.add(device.take_records())
            if last:
                self.recorder.close()
        except (OSError, native.ShimError) as reason:
            self._warn_once(self.recorder.gave_up(reason))
            self.recorder = None

    def _finish(self, device: native.Device, where: str) -> None:
        """Records what the GPU has ended. Without records nothing is worth waiting for."""
        if self.recorder is None:
            return
        try:
            device.flush(CLOSING_S)
        except native.ShimError as error:
            self._warn_once(krs.not_all_recorded(where, error.name, error.message))
        self._record(device, last=True)

    @staticmethod
    def _holds_locks(device: native.Device) -> bool:
        try:
            return bool(device.statistics().freq_mhz > 0)
        except native.ShimError:
            return True

    def _try(self, call: Callable[[], None]) -> None:
        """Trouble with the GPU is a warning, never an exception in the training loop."""
        try:
            call()
        except native.ShimError as error:
            self._warn(error)

    def _trouble(self, code: int) -> None:
        if self.device is not None:
            self._warn(self.device.error(code))

    def _still_controls(self) -> bool:
        try:
            return self.device is not None and self.device.statistics().mode == native.CONTROL
        except native.ShimError:  # A forked child has no controller.
            return False

    def _warn(self, error: native.ShimError) -> None:
        kind = krs.still_followed
        if self.mode != "observe" and not self._still_controls():
            self.mode, kind = "observe", krs.clocks_given_up
        self._warn_once(kind(f"rank {self.rank}", error.name, error.message))


def _show(rank: int, folder: Optional[str]) -> None:
    """Leaves a file for who started the job; one that is on another machine does not see it."""
    if folder is None:
        return
    try:
        with open(os.path.join(folder, str(rank)), "w"):
            pass
    except OSError:
        pass
