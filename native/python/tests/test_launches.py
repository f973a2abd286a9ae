"""The CPU's time for a launch, with a torch that only counts."""

from __future__ import annotations

import sys
import types
from typing import Any

from kareus_runtime import launches


def fake_torch(calls: dict, has_gpu: bool) -> Any:
    """A torch whose step takes no time to speak of and launches what `calls` says."""

    class Sum:
        def sum(self) -> "Sum":
            return self

        def backward(self) -> None:
            return None

    class Profile:
        def __enter__(self) -> "Profile":
            return self

        def __exit__(self, *_: Any) -> None:
            return None

        def key_averages(self) -> list:
            return [types.SimpleNamespace(key=key, count=count) for key, count in calls.items()]

    activity = types.SimpleNamespace(CPU=0, CUDA=1)
    return types.SimpleNamespace(
        cuda=types.SimpleNamespace(is_available=lambda: has_gpu, synchronize=lambda: None),
        nn=types.SimpleNamespace(TransformerEncoderLayer=lambda *_, **__: lambda _data: Sum()),
        randn=lambda *_, **__: None,
        profiler=types.SimpleNamespace(ProfilerActivity=activity, profile=lambda **_: Profile()),
    )


def measured(monkeypatch: Any, calls: dict, has_gpu: bool = True) -> Any:
    monkeypatch.setitem(sys.modules, "torch", fake_torch(calls, has_gpu))
    ticks = iter([0.0, 0.02])
    monkeypatch.setattr(launches.time, "perf_counter", lambda: next(ticks))
    return launches.launch_us()


def test_a_steps_time_is_shared_by_what_it_launches(monkeypatch: Any) -> None:
    # 20 steps in 20 ms: a millisecond each, over 50 launches.
    calls = {"cudaLaunchKernel": 40, "cuLaunchKernelEx": 10, "cudaMemsetAsync": 7}
    assert abs(measured(monkeypatch, calls) - 20) < 1e-9


def test_nothing_is_said_without_a_gpu_or_launches(monkeypatch: Any) -> None:
    assert measured(monkeypatch, {"cudaLaunchKernel": 40}, has_gpu=False) is None
    assert measured(monkeypatch, {"aten::add": 40}) is None
