"""What a job took, as a profile on the disk, and the comparison with the plan."""

import collections
import json
import os
import tempfile
import types
import unittest

from support import LIBRARY, Machine, plan_data, write_plan

from kareus_runtime import native
from kareus_runtime.plan import parse_plan
from kareus_runtime.recording import STEPS_PER_RECORD, Recorder

REAL, SIMULATED = "550.54.15", "0.0.simulated"


def recorder(folder, driver=REAL):
    plan = parse_plan(json.dumps(plan_data(stages=2)), "plan.json")
    capabilities = types.SimpleNamespace(energy_counter=1)
    device = types.SimpleNamespace(driver=driver, capabilities=capabilities, clocks=lambda: [900, 1980])
    device.power_state = {"power_limit_w": 400, "workload_profile": None, "smoothing": None}
    return Recorder(folder, 3, 1, plan, device)


def record(step, index, time_s, energy_j=-1.0, freq_mhz=900, **more):
    words = dict(step=step, index=index, time_s=time_s, energy_j=energy_j, freq_mhz=freq_mhz)
    return native.Record(**words, **more)


def lines_of(folder, rank=3):
    with open(os.path.join(folder, f"instructions-rank{rank}.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Recording(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.join(folder.name, "made", "here")

    def test_a_record_is_of_all_runs_of_a_setting(self):
        found = recorder(self.folder)
        found.add([record(0, 0, 9.0, 9.0)])  # The first step warms up.
        found.add([record(1, 0, 1.0, 10.0), record(1, 1, 5.0), record(1, 0, 7.0, 70.0, 1410)])
        found.add([record(2, 0, 3.0, 30.0), record(2, 0, 8.0, 1.0, freq_mhz=0)])
        found.close()
        header, *records = lines_of(self.folder)
        self.assertEqual((header["format"], header["gpu"]), ("kareus-profile", "a100-sxm4-40gb"))
        forward = {
            **{"record": "instruction", "stage": 1, "instruction": "forward", "freq_mhz": 900},
            **{"sms": None, "source": "measured", "time_s": 2.0, "energy_j": 20.0},
            **{"time_s_std": 1.0, "energy_j_std": 10.0, "trials": 2, "window_s": 4.0},
            "precision": 10 / 2**0.5 / 20,
        }
        self.assertIn(forward, records)
        self.assertEqual([r["freq_mhz"] for r in records], [900, 1980, 900, 1410])
        backward = next(r for r in records if r["instruction"] == "backward")
        self.assertEqual((backward["energy_j"], backward["energy_j_std"]), (None, None))

    def test_what_ran_without_a_lock_says_its_clock_and_why(self):
        found = recorder(self.folder)
        state = dict(freq_mhz=0, clock_mhz=1450.0, temperature_c=61.0, limited_by=2)
        found.add([record(1, 0, 1.0, 10.0, energy_error_j=0.5, **state)])
        found.add([record(2, 0, 1.0, 10.0, energy_error_j=0.5, **{**state, "clock_mhz": 1500.0})])
        found.add([record(3, 1, 1.0, freq_mhz=0, limited_by=1)])
        found.close()
        backward, forward = lines_of(self.folder)[1:]
        self.assertEqual((forward["freq_mhz"], forward["clock_mhz"]), (1980, 1475.0))
        self.assertEqual((forward["limited_by"], forward["temperature_c"]), ("power", 61.0))
        self.assertEqual(forward["precision"], 0.05)
        self.assertEqual((backward["energy_j"], backward["limited_by"]), (None, None))
        self.assertEqual(backward["reason"], "the energy counter did not move")
        self.assertNotIn("clock_mhz", backward)

    def test_it_is_on_the_disk_long_before_the_end(self):
        found = recorder(self.folder)
        for step in range(STEPS_PER_RECORD):
            found.add([record(step, 0, 1.0)])
        self.addCleanup(found.close)
        self.assertEqual([line.get("trials") for line in lines_of(self.folder)[1:]], [STEPS_PER_RECORD - 1])

    def test_a_job_that_goes_on_appends(self):
        for _ in range(2):
            found = recorder(self.folder)
            found.add([record(1, 0, 1.0)])
            found.close()
        formats = [line.get("format") for line in lines_of(self.folder)]
        self.assertEqual(formats, ["kareus-profile", None, None])

    def test_a_torn_line_is_cut_off_before_more_is_appended(self):
        for tear in ('{"record":"instr', ""):
            found = recorder(self.folder)
            found.add([record(1, 0, 1.0)])
            found.close()
            with open(os.path.join(self.folder, "instructions-rank3.jsonl"), "a", encoding="utf-8") as file:
                file.write(tear)
        self.assertEqual([line.get("trials") for line in lines_of(self.folder)], [None, 1, 1])

    def test_a_simulated_driver_measures_nothing(self):
        found = recorder(self.folder, SIMULATED)
        found.add([record(1, 0, 1.0, 2.0)])
        found.close()
        self.assertEqual(lines_of(self.folder)[1]["source"], "modelled")


@unittest.skipUnless(LIBRARY.exists(), "libkareus is not built")
class Jobs(unittest.TestCase):
    def test_plan_and_reality_meet(self):
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine(folder, KAREUS_PROFILE=os.path.join(folder, "measured"))
            report = machine.job(write_plan(folder, plan_data()), "--steps", 51)
            records = lines_of(os.path.join(folder, "measured"), rank=0)[1:]
        # Fifty steps after the first, two microbatches; the tail once a step.
        trials = collections.Counter()
        for r in records:
            trials[r["instruction"], r["freq_mhz"]] += r["trials"]
        self.assertEqual(trials, {("forward", 1410): 100, ("backward", 900): 100, ("tail", 1410): 50})
        summary = report["summary"]["forward"]
        self.assertEqual((summary["runs"], summary["planned_time_s"]), (100, 0.001))
        self.assertGreater(summary["time_s"], 0.0002)
        self.assertGreater(summary["energy_j"], 0)

    def test_a_job_that_only_observes_records_and_warns_of_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            simulated = "devices=1 tick_s=0.1 reading_s=0.0029 limits=4"
            environment = {"KAREUS_MODE": "observe", "KAREUS_PROFILE": os.path.join(folder, "measured")}
            machine = Machine(folder, simulated, KAREUS_PRIVILEGED="0", **environment)
            report = machine.job(write_plan(folder, plan_data(microbatches=32)), "--steps", 20)
            header, *records = lines_of(os.path.join(folder, "measured"), rank=0)
            self.assertEqual(header["power_state"]["power_limit_w"], 400)
            self.assertEqual((report["mode"], report["warnings"]), ("observe", []))
            self.assertEqual(machine.changes(), [])
        trials = {}
        for r in records:
            trials[r["instruction"]] = trials.get(r["instruction"], 0) + r["trials"]
            self.assertEqual((r["freq_mhz"], r["clock_mhz"], r["limited_by"]), (1410, 1410, "power"))
        self.assertEqual(trials, {"forward": 19 * 32, "backward": 19 * 32, "tail": 19})
        # 85 W and 315 W at the highest clock.
        metered = [r for r in records if r["energy_j"] is not None]
        energy_j = sum(r["energy_j"] * r["trials"] for r in metered)
        time_s = sum(r["time_s"] * r["trials"] for r in metered)
        self.assertAlmostEqual(energy_j / time_s / 400, 1, delta=0.1)

    def test_a_full_disk_ends_the_recording_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            open(os.path.join(folder, "file"), "w", encoding="utf-8").close()
            machine = Machine(folder, KAREUS_PROFILE=os.path.join(folder, "file", "below"))
            report = machine.job(write_plan(folder, plan_data()))
            self.assertEqual((report["mode"], report["warnings"]), ("control", ["KRS5330"]))


if __name__ == "__main__":
    unittest.main()
