"""libkareus through ctypes (native/shim/include/kareus.h says what each call means)."""

from __future__ import annotations

import ctypes as c
import os
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from .plan import Instruction

ABI_VERSION = 1
BACKENDS = ("nvml", "zeusd", "dry")
CONTROL, OBSERVE = 0, 1
KINDS = {
    "forward": 0,
    "backward": 1,
    "input_gradient": 2,
    "weight_gradient": 3,
    "tail": 4,
}
# What held a clock back, by number; 0 is unknown.
LIMITS = (None, "none", "power", "thermal")
# CUDA's default stream has a null handle, which here means "no stream".
DEFAULT_STREAM = 1


# The functions at both ends of an instruction, with their arguments.
Calls = Tuple[Callable[..., int], Tuple[Any, ...], Callable[..., int], Tuple[Any, ...]]


class Options(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("backend", c.c_int32),
        ("mode", c.c_int32),
        ("device", c.c_char_p),
        ("state_dir", c.c_char_p),
        ("guard_path", c.c_char_p),
        ("zeusd_socket", c.c_char_p),
        ("dry_clocks_mhz", c.POINTER(c.c_uint32)),
        ("dry_clock_count", c.c_uint32),
        ("record_capacity", c.c_uint32),
        ("synchronous", c.c_int32),
    ]


class Capabilities(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("backend", c.c_int32),
        ("mode", c.c_int32),
        ("may_control", c.c_int32),
        ("mig", c.c_int32),
        ("energy_counter", c.c_int32),
        ("cuda", c.c_int32),
        ("clock_count", c.c_uint32),
        ("name", c.c_char * 96),
        ("uuid", c.c_char * 96),
        ("pci_bus_id", c.c_char * 32),
        ("driver", c.c_char * 80),
        ("power_limit_w", c.c_double),
        ("power_smoothing", c.c_int32),
        ("workload_profile", c.c_char * 68),
    ]


class PlanArrays(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("instruction_count", c.c_uint32),
        ("kind", c.POINTER(c.c_int32)),
        ("microbatch", c.POINTER(c.c_int32)),
        ("chunk", c.POINTER(c.c_int32)),
        ("freq_mhz", c.POINTER(c.c_uint32)),
        ("start_s", c.POINTER(c.c_double)),
        ("time_s", c.POINTER(c.c_double)),
        ("switch_time_s", c.c_double),
        ("configuration_count", c.c_uint32),
        ("partition_key", c.POINTER(c.c_char_p)),
        ("launch_slot", c.POINTER(c.c_int32)),
        ("sms", c.POINTER(c.c_uint32)),
        ("use_begin", c.POINTER(c.c_uint32)),
        ("use_configuration", c.POINTER(c.c_uint32)),
        ("use_layer", c.POINTER(c.c_int32)),
        ("use_nanobatch", c.POINTER(c.c_int32)),
        ("switch_to_s", c.POINTER(c.c_double)),
    ]


class Record(c.Structure):
    _fields_ = [
        ("step", c.c_uint64),
        ("index", c.c_uint32),
        ("kind", c.c_int32),
        ("microbatch", c.c_int32),
        ("chunk", c.c_int32),
        ("freq_mhz", c.c_uint32),
        ("on_gpu", c.c_int32),
        ("start_s", c.c_double),
        ("time_s", c.c_double),
        ("energy_j", c.c_double),
        ("energy_error_j", c.c_double),
        ("clock_mhz", c.c_double),
        ("temperature_c", c.c_double),
        ("limited_by", c.c_int32),
    ]


class Statistics(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("mode", c.c_int32),
        ("fault", c.c_int32),
        ("freq_mhz", c.c_uint32),
        ("steps", c.c_uint64),
        ("instructions", c.c_uint64),
        ("changes_requested", c.c_uint64),
        ("changes_applied", c.c_uint64),
        ("changes_coalesced", c.c_uint64),
        ("retries", c.c_uint64),
        ("resets", c.c_uint64),
        ("guard_restarts", c.c_uint64),
        ("records_dropped", c.c_uint64),
        ("change_time_s", c.c_double),
        ("change_time_max_s", c.c_double),
    ]


def stream() -> c.c_void_p:
    """Returns a CUstream as boundaries take it: its `value` is the handle, None for no stream."""
    return c.c_void_p()


class ShimError(Exception):
    """A code other than 0 from the shim."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(f"{name} {message}")
        self.code, self.name, self.message = code, name, message


def library_path() -> str:
    """Returns the library to load: $KAREUS_LIBRARY, that of the wheel, or what `npm run build:native` makes."""
    here = Path(__file__).resolve()
    packed = here.parent / "lib" / "libkareus.so"
    built = here.parents[2] / "build" / "libkareus.so"
    return os.environ.get("KAREUS_LIBRARY") or str(packed if packed.exists() else built)


class Library:
    """The loaded library: it opens GPUs and puts codes into words.

    Raises OSError where it cannot be used.
    """

    def __init__(self, path: str) -> None:
        # Boundaries never block, so they keep the interpreter's lock: giving it up costs more than
        # they do, and another thread might keep it. What may take long gives it up.
        self._boundaries, self._calls = c.PyDLL(path), c.CDLL(path)
        try:
            version = self._calls.kareus_abi_version()
        except AttributeError as reason:
            raise OSError(f"it is not libkareus: {reason}") from None
        if version != ABI_VERSION:
            raise OSError(f"it has version {version} of the interface, {ABI_VERSION} is needed")
        if not hasattr(self._calls, "kareus_take_sized_records"):
            raise OSError("it is older than this package")
        for name in ("kareus_code_name", "kareus_code_message", "kareus_last_error"):
            getattr(self._calls, name).restype = c.c_char_p
        self._calls.kareus_flush.argtypes = [c.c_void_p, c.c_double]

    def error(self, code: int) -> ShimError:
        """Returns a code in words; to be asked right after the call that returned it."""
        name = (self._calls.kareus_code_name(code) or b"").decode() or f"code {code}"
        said = (self._calls.kareus_last_error() or b"").decode(errors="replace")
        meaning = (self._calls.kareus_code_message(code) or b"an unknown code").decode()
        # The last error is of this code where it starts with its name.
        own = said[len(name) :].strip() if said.startswith(name) else ""
        return ShimError(code, name, own or meaning)

    def open(
        self, backend: str, mode: int, device: str, record_capacity: int, synchronous: bool
    ) -> Device:
        """Opens a GPU. Raises ShimError."""
        options = Options(
            struct_size=c.sizeof(Options),
            backend=BACKENDS.index(backend),
            mode=mode,
            device=device.encode(),
            record_capacity=record_capacity,
            synchronous=synchronous,
        )
        handle = c.c_void_p()
        code = self._calls.kareus_open(c.byref(options), c.byref(handle))
        if code != 0:
            raise self.error(code)
        return Device(self, self._calls, self._boundaries, handle, record_capacity)


class Device:
    """One opened GPU. Methods raise ShimError, but for boundaries: they return the code."""

    def __init__(
        self,
        library: Library,
        calls: c.CDLL,
        boundaries: c.CDLL,
        handle: c.c_void_p,
        record_capacity: int,
    ) -> None:
        self._library, self._calls = library, calls
        self._handle: Optional[c.c_void_p] = handle
        self._records = (Record * record_capacity)()
        self._begin = boundaries.kareus_instruction_begin
        self._end = boundaries.kareus_instruction_end
        self.capabilities = Capabilities(struct_size=c.sizeof(Capabilities))
        self._call("get_capabilities", c.byref(self.capabilities))

    @property
    def name(self) -> str:
        """What the driver calls the GPU; empty where it does not say."""
        return bytes(self.capabilities.name).decode(errors="replace")

    @property
    def driver(self) -> str:
        """The driver's version; empty where it does not say."""
        return bytes(self.capabilities.driver).decode(errors="replace")

    @property
    def power_state(self) -> Dict[str, Any]:
        """What decides of the board's power for a long time, as a profile's header has it."""
        told = self.capabilities
        return {
            "power_limit_w": told.power_limit_w or None,
            "workload_profile": bytes(told.workload_profile).decode(errors="replace") or None,
            "smoothing": (None, False, True)[told.power_smoothing],
        }

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._calls, f"kareus_{name}")(self._handle, *arguments)
        if code != 0:
            raise self._library.error(code)

    def error(self, code: int) -> ShimError:
        """Returns a code of this GPU in words."""
        return self._library.error(code)

    def boundary(
        self, kind: str, microbatch: Optional[int], chunk: int, stream: c.c_void_p
    ) -> Calls:
        """Returns the two functions at the ends of an instruction, and their arguments.

        They are made once, so that the hot path only calls. `stream` is a `stream()`, whose value may
        change between calls.
        """
        number = -1 if microbatch is None else microbatch
        # The shim refuses an unknown kind, as it does any other mistake of a running job.
        instruction = (c.c_int32(KINDS.get(kind, -1)), c.c_int32(number), c.c_int32(chunk))
        return self._begin, (self._handle, *instruction, stream), self._end, (self._handle, stream)

    def clocks(self) -> List[int]:
        """Returns the SM clocks that the GPU knows, ascending, in MHz."""
        count = self.capabilities.clock_count
        clocks = (c.c_uint32 * count)()
        self._call("get_clocks", clocks, count, c.byref(c.c_uint32()))
        return list(clocks)

    def set_plan(
        self, instructions: Sequence[Instruction], switch_to_s: Callable[[int], float]
    ) -> None:
        """Takes over one stage of a plan, outside a step."""
        self._call("set_plan", c.byref(plan_arrays(instructions, switch_to_s)))

    def drop_plan(self) -> None:
        """Follows none from here on, outside a step: the clocks are unlocked."""
        self._call("set_plan", None)

    def step_begin(self) -> None:
        """Begins a step."""
        self._call("step_begin")

    def step_end(self) -> None:
        """Ends a step; the trouble that it had, if any, is raised here."""
        self._call("step_end")

    def flush(self, timeout_s: float) -> None:
        """Waits until all that was asked for so far is done and recorded."""
        self._call("flush", timeout_s)

    def take_records(self) -> List[Record]:
        """Returns the instructions that ended since the last call, oldest first."""
        count = c.c_uint32()
        size, capacity = c.sizeof(Record), len(self._records)
        self._call("take_sized_records", self._records, size, capacity, c.byref(count))
        return list(self._records[: count.value])

    def energy_j(self) -> float:
        """Reads the energy counter, in joules; only differences mean something."""
        energy_j = c.c_double()
        self._call("get_energy", c.byref(energy_j))
        return energy_j.value

    def statistics(self) -> Statistics:
        """Returns what happened so far."""
        statistics = Statistics(struct_size=c.sizeof(Statistics))
        self._call("get_statistics", c.byref(statistics))
        return statistics

    def changes(self, most: int = 65536) -> List[int]:
        """Returns the clocks that were set so far, oldest first; 0 for a reset."""
        clocks, count = (c.c_uint32 * most)(), c.c_uint64()
        self._call("get_changes", clocks, most, c.byref(count))
        return clocks[: min(count.value, most)]

    def close(self) -> None:
        """Unlocks the clocks and gives the GPU back; a second call does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            code = self._calls.kareus_close(handle)
            if code != 0:
                raise self._library.error(code)


def plan_arrays(
    instructions: Sequence[Instruction], switch_to_s: Callable[[int], float]
) -> PlanArrays:
    """Returns one stage's instructions as the arrays of `kareus_plan`."""
    rows: List[Tuple[int, int, int]] = []
    begins = [0]
    partitions = {use.partition.configuration: use.partition for i in instructions for use in i.uses}
    places = {configuration: place for place, configuration in enumerate(partitions)}
    for instruction in instructions:
        for use in instruction.uses:
            nanobatch = -1 if use.nanobatch is None else use.nanobatch
            for layer in use.layers or (-1,):
                rows.append((places[use.partition.configuration], layer, nanobatch))
        begins.append(len(rows))

    def array(kind: Any, values: Iterable[Any]) -> Any:
        held = list(values)
        return (kind * len(held))(*held)

    planned = partitions.values()
    changes_s = [switch_to_s(i.freq_mhz) for i in instructions]
    return PlanArrays(
        struct_size=c.sizeof(PlanArrays),
        instruction_count=len(instructions),
        kind=array(c.c_int32, (KINDS[i.kind] for i in instructions)),
        microbatch=array(
            c.c_int32, (-1 if i.microbatch is None else i.microbatch for i in instructions)
        ),
        chunk=array(c.c_int32, (i.chunk for i in instructions)),
        freq_mhz=array(c.c_uint32, (i.freq_mhz for i in instructions)),
        start_s=array(c.c_double, (i.start_s for i in instructions)),
        time_s=array(c.c_double, (i.time_s for i in instructions)),
        switch_time_s=max(changes_s, default=0.0),
        configuration_count=len(partitions),
        partition_key=array(c.c_char_p, (p.key.encode() for p in planned)),
        launch_slot=array(
            c.c_int32, (-1 if p.launch_slot is None else p.launch_slot for p in planned)
        ),
        sms=array(c.c_uint32, (p.sms for p in planned)),
        use_begin=array(c.c_uint32, begins),
        use_configuration=array(c.c_uint32, (row[0] for row in rows)),
        use_layer=array(c.c_int32, (row[1] for row in rows)),
        use_nanobatch=array(c.c_int32, (row[2] for row in rows)),
        switch_to_s=array(c.c_double, changes_s),
    )
