"""A job of one rank under the simulated driver: it follows its plan, and survives what goes wrong."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from support import BUILD, JOB, LIBRARY, Machine, packed, plan_data, tabled, without_repeats, write_plan

ORDER = [["forward", 0], ["backward", 0], ["forward", 1], ["backward", 1], ["tail", None]]


@unittest.skipUnless(LIBRARY.exists(), "libkareus is not built")
class Jobs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def plan(self, **changes):
        return write_plan(self.folder, {**plan_data(), **changes})

    def machine(self, *words, **environment):
        return Machine(self.folder, " ".join(["devices=2", *words]), **environment)


class Following(Jobs):
    def test_every_instruction_runs_at_its_planned_clock(self):
        data = plan_data(microbatches=3, clocks=(1410, 900, 900, 1200))
        machine = self.machine()
        report = machine.job(write_plan(self.folder, data), "--steps", 4)
        self.assertEqual((report["mode"], report["warnings"]), ("control", []))
        planned = [i["freq_mhz"] for i in data["stages"][0]["instructions"]] * 4
        self.assertEqual(len(report["boundaries"]), len(planned))
        calls = machine.changes()
        for clock, (kind, microbatch, entered_ns, left_ns) in zip(planned, report["boundaries"]):
            before = [mhz for at_ns, mhz in calls if at_ns < entered_ns]
            inside = [mhz for at_ns, mhz in calls if entered_ns <= at_ns <= left_ns]
            self.assertEqual((before[-1], inside), (clock, []), f"{kind} {microbatch}")
        # Nothing else was asked of the driver, but the reset at the end.
        self.assertEqual([mhz for _, mhz in calls], [*without_repeats(planned), 0])
        self.assertEqual(report["changes"], without_repeats(planned))

    def test_a_plan_is_followed_whatever_the_version_of_its_file(self):
        old = plan_data(microbatches=3, clocks=(1410, 900, 900, 1200))
        planned = [i["freq_mhz"] for i in old["stages"][0]["instructions"]] * 3
        for data in (old, packed(old), tabled(packed(old))):
            with self.subTest(version=data["version"]), tempfile.TemporaryDirectory() as folder:
                machine = Machine(folder, "devices=2")
                report = machine.job(write_plan(folder, data))
                self.assertEqual((report["mode"], report["warnings"]), ("control", []))
                self.assertEqual(report["changes"], without_repeats(planned))
                self.assertEqual([mhz for _, mhz in machine.changes()], [*without_repeats(planned), 0])

    def test_through_zeusd_without_a_right_of_its_own(self):
        socket = os.path.join(self.folder, "zeusd.sock")
        machine = self.machine(KAREUS_BACKEND="zeusd", KAREUS_PRIVILEGED="0", ZEUSD_SOCK_PATH=socket)
        stub = [str(BUILD / "simulated" / "kareus-zeusd-stub"), socket]
        with subprocess.Popen(stub, env=machine.environment, stdout=subprocess.PIPE, text=True) as zeusd:
            try:
                self.assertEqual(zeusd.stdout.readline(), "ready\n")
                report = machine.job(self.plan())
            finally:
                zeusd.terminate()
        self.assertEqual((report["mode"], report["warnings"]), ("control", []))
        planned = [1410, 900, 1410, 900, 1410] * 3
        found = [mhz for _, mhz in machine.changes()]
        # Its guard resets once more, as zeusd may still be at work when its owner ends.
        self.assertEqual(without_repeats(found), [*without_repeats(planned), 0])

    def test_observing_changes_nothing(self):
        machine = self.machine(KAREUS_MODE="observe")
        report = machine.job(self.plan())
        self.assertEqual((report["mode"], report["warnings"]), ("observe", []))
        self.assertEqual(machine.changes(), [])

    def test_off_does_not_even_read_the_plan(self):
        report = self.machine(KAREUS_MODE="off").job("/nowhere/plan.json", "--run", "[]")
        self.assertEqual((report["mode"], report["warnings"]), ("off", []))


class Trouble(Jobs):
    """Training goes on in every case: all boundaries are passed, with one warning."""

    def observed(self, machine, *codes, flags=()):
        report = machine.job(self.plan(), *flags)
        self.assertIsNone(report["refused"])
        self.assertEqual((report["mode"], report["warnings"]), ("observe", [*codes]))
        self.assertEqual(len(report["boundaries"]), 3 * len(ORDER))
        return report

    def test_no_library(self):
        self.observed(self.machine(KAREUS_LIBRARY="/nowhere/libkareus.so"), "KRS5320")

    def test_another_library(self):
        nvml = BUILD / "simulated" / "libnvidia-ml.so.1"
        self.observed(self.machine(KAREUS_LIBRARY=str(nvml)), "KRS5320")

    def test_no_nvml(self):
        self.observed(self.machine(KAREUS_NVML="/nowhere/libnvidia-ml.so.1"), "KRS5010")

    def test_no_such_gpu(self):
        self.observed(self.machine("devices=0"), "KRS5011")

    def test_mig(self):
        machine = self.machine("mig=1")
        self.observed(machine, "KRS5012")
        self.assertEqual(machine.changes(), [])

    def test_no_permission_at_open(self):
        machine = self.machine(KAREUS_PRIVILEGED="0")
        self.observed(machine, "KRS5013")
        self.assertEqual(machine.changes(), [])

    def test_no_guard(self):
        self.observed(self.machine(KAREUS_GUARD="/nowhere/kareus-guard"), "KRS5015")

    def test_no_zeusd(self):
        environment = {"KAREUS_BACKEND": "zeusd", "ZEUSD_SOCK_PATH": "/nowhere/zeusd.sock"}
        self.observed(self.machine(**environment), "KRS5017")

    # Then the lock can not be undone either, which the end says, and the journal keeps.
    def test_permission_lost_on_the_way(self):
        self.observed(self.machine("deny_after=3"), "KRS5040", "KRS5044")

    def test_gpu_lost_on_the_way(self):
        self.observed(self.machine("lose_after=3"), "KRS5041", "KRS5044")

    def test_a_second_controller(self):
        machine = self.machine()
        first = subprocess.Popen(
            [sys.executable, str(JOB), self.plan(), "--hold"],
            env=machine.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.assertEqual(first.stdout.readline(), "open\n")
            self.observed(machine, "KRS5014")
        finally:
            first.communicate("\n", timeout=30)
        self.assertEqual(first.returncode, 0)

    def test_another_order_than_planned_is_left_alone_in_the_end(self):
        run = [ORDER[0], ORDER[2], ORDER[1], ORDER[3], ORDER[4]]
        machine = self.machine()
        report = machine.job(self.plan(), "--run", json.dumps(run), "--steps", 6)
        self.assertEqual((report["mode"], report["warnings"]), ("control", ["KRS5030"]))
        self.assertEqual([mhz for _, mhz in machine.changes()], [1410, 0] * 3)

    def test_after_a_step_of_another_kind_the_next_is_as_planned(self):
        fewer = [ORDER[0], ORDER[1], ORDER[4]]
        evaluation = [ORDER[0], ["evaluation", 0], *ORDER[1:]]
        for number, first in enumerate((fewer, evaluation, [*ORDER[:4], *ORDER])):
            self.folder = os.path.join(self.folder, str(number))
            os.mkdir(self.folder)
            machine = self.machine()
            report = machine.job(self.plan(), "--first", json.dumps(first))
            self.assertEqual((report["mode"], report["warnings"]), ("control", ["KRS5030"]))
            calls = [mhz for _, mhz in machine.changes()]
            self.assertEqual(calls[calls.index(0) + 1 :], [1410, 900, 1410, 900] * 2 + [1410, 0])

    def test_a_step_cut_short_is_told_once_and_followed_on(self):
        machine = self.machine()
        report = machine.job(self.plan(), "--run", json.dumps(ORDER[:-1]))
        self.assertEqual((report["mode"], report["warnings"]), ("control", ["KRS5031"]))
        self.assertEqual(report["changes"], [1410, 900] * 6)

    def test_a_forked_child_trains_on_without_the_clocks(self):
        machine = self.machine()
        report = machine.job(self.plan(), "--fork")
        self.assertEqual((report["mode"], report["warnings"], report["child"]), ("control", [], 0))
        self.assertEqual(without_repeats([mhz for _, mhz in machine.changes()])[-1], 0)


class Refusals(Jobs):
    """A plan that does not fit stops the job before step 1, and no clock was touched."""

    def refused(self, code, data, *flags):
        machine = self.machine()
        report = machine.job(write_plan(self.folder, data), *flags)
        self.assertEqual((report["refused"], report["warnings"]), (code, []))
        self.assertEqual([mhz for _, mhz in machine.changes() if mhz], [])

    def test_another_gpu(self):
        self.refused("KRS5310", plan_data(gpu="h100-sxm"))

    def test_a_stage_that_is_not_there(self):
        self.refused("KRS5311", plan_data(stages=2), "--stage", 2)

    def test_another_number_of_stages(self):
        self.refused("KRS5312", plan_data(stages=2), "--stages", 4)

    def test_another_order_declared(self):
        gpipe = [ORDER[0], ORDER[2], ORDER[1], ORDER[3]]
        self.refused("KRS5314", plan_data(), "--declare", json.dumps(gpipe))

    def test_fewer_microbatches_declared(self):
        self.refused("KRS5314", plan_data(), "--declare", json.dumps(ORDER[:2]))

    def test_a_clock_that_the_gpu_does_not_have(self):
        self.refused("KRS5020", plan_data(clocks=(1410, 907)))

    def test_clocks_held_for_less_than_a_switch_takes(self):
        self.refused("KRS5021", {**plan_data(), "switch_time_s": 0.01})
        slow = {"freq_mhz": [900, 1410], "call_s": [0, 0.001], "transition_s": [0, 0.01]}
        self.refused("KRS5021", packed({**plan_data(), "switch_time_s": slow}))

    def test_clocks_held_as_long_as_the_switch_to_each_takes(self):
        # Each is held for a millisecond.
        fast = {"freq_mhz": [900, 1200, 1410], "call_s": [0, 1, 0], "transition_s": [1e-3, 1, 5e-4]}
        plan = write_plan(self.folder, packed({**plan_data(), "switch_time_s": fast}))
        report = self.machine().job(plan, "--stages", 1)
        self.assertEqual((report["refused"], report["mode"]), (None, "control"))

    def test_the_declared_order_of_the_plan_is_fine(self):
        declared = json.dumps(ORDER[:-1])
        report = self.machine().job(self.plan(), "--declare", declared, "--stages", 1)
        self.assertEqual((report["refused"], report["mode"]), (None, "control"))


if __name__ == "__main__":
    unittest.main()
