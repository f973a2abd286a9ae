"""A plan that changes while the job runs: what is followed, when, and what happens to what cannot be."""

import json
import os
import tempfile
import unittest

from support import LIBRARY, plan_data, schedule_data, write_plan

from kareus_runtime import Options, PlanRefused, Runtime
from kareus_runtime.course import Course

ORIGIN_S = 1_700_000_000.0


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.followed = os.path.join(self.folder, "followed.json")

    def plan(self, *clocks, **layout):
        """The text of a plan whose instructions take turns at clocks."""
        return json.dumps(plan_data(clocks=clocks, **layout))

    def put(self, text):
        """In one move, as whoever replaces a followed file should."""
        draft = f"{self.followed}.draft"
        with open(draft, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, self.followed)

    def frontier(self, **points):
        """A run's folder with the plans of points: `p3=(900,)`."""
        for name, clocks in points.items():
            with open(os.path.join(self.folder, f"{name}.json"), "w", encoding="utf-8") as file:
                file.write(self.plan(*clocks))
        listed = [{"id": int(name[1:]), "plan": f"{name}.json"} for name in points]
        with open(os.path.join(self.folder, "frontier.json"), "w", encoding="utf-8") as file:
            json.dump({"points": listed}, file)


class Courses(Files):
    def course(self, **more):
        self.now_s = ORIGIN_S
        return Course(self.followed, self.folder, more.pop("look_s", 2.0), lambda: self.now_s)

    def test_a_plan_is_wanted_once_it_is_there_and_again_when_it_is_another(self):
        course = self.course()
        self.assertEqual(course.look(0).change, (self.followed, None))
        self.assertIsNone(course.look(1).change)
        for text in (self.plan(900), self.plan(1200)):
            self.put(text)
            self.assertEqual(course.look(2).change, (self.followed, text))
            self.assertIsNone(course.look(3).change)

    def test_looks_are_about_as_far_apart_as_told(self):
        course = self.course()
        self.assertEqual(course.look(0).steps, 1)
        for step_s, steps in ((0.1, 20), (0.001, 2000), (1e-5, 10_000), (5, 1)):
            course.look(0)
            self.now_s += 10 * step_s
            self.assertEqual(course.look(10).steps, steps)

    def test_what_cannot_be_followed_is_told_once_and_changes_nothing(self):
        course = self.course()
        self.put(self.plan(900))
        course.look(0)
        runs = [(0, 10, [(7, 5)])]
        for bad, code in (
            ("{", "KRS5302"),
            ("[]", "KRS5303"),
            (self.plan(900).replace("kareus-plan", "kareus-frontier"), "KRS5303"),
            (json.dumps({**schedule_data(runs), "slots": 3}), "KRS5305"),
            (json.dumps(schedule_data([(0, 10, [])])), "KRS5305"),
            (json.dumps(schedule_data(runs)), "KRS5301"),
        ):
            self.put(bad)
            with self.assertRaises(PlanRefused) as refused:
                course.look(1)
            self.assertEqual(refused.exception.diagnostic.code, code, bad)
            self.assertIsNone(course.look(2).change)
        self.frontier(p3=(900,))
        self.put(json.dumps(schedule_data(runs)))
        with self.assertRaisesRegex(PlanRefused, "KRS5343"):
            course.look(3)
        os.remove(self.followed)
        with self.assertRaisesRegex(PlanRefused, "KRS5301"):
            course.look(4)
        self.assertIsNone(course.look(5).change)
        self.put(self.plan(1200))
        self.assertIsNotNone(course.look(6).change)

    def points(self, course, times):
        """The clock of the plan in force at each time and step; None: none, with the pause."""
        found = []
        for time_s, begun in times:
            self.now_s = ORIGIN_S + time_s
            look = course.look(begun)
            if look.change is not None:
                text = look.change[1]
                self.clock = text and json.loads(text)["gpu"]["clocks_mhz"][0]
            found.append((self.clock, look.pause_s))
        return found

    def test_a_schedule_is_followed_by_time_and_by_iterations(self):
        self.frontier(p3=(900,), p5=(1200,))
        slots = [(0, 100, [(3, 10), (5, 20)]), (100, 200, []), (200, 300, [(5, 10)])]
        for more in ({}, {"origin": "2023-11-14T22:13:20.000Z"}):
            self.put(json.dumps(schedule_data(slots, **more)))
            course = self.course(look_s=1e6)
            self.assertEqual(
                self.points(course, [(0, 0), (20, 9), (21, 10), (60, 29), (99, 40)]),
                [(900, 0), (900, 0), (1200, 0), (1200, 0), (1200, 0)],
            )
            self.assertEqual(self.points(course, [(110, 41), (170, 41)]), [(None, 90), (None, 30)])
            self.assertEqual(self.points(course, [(200, 41), (900, 80)]), [(1200, 0), (1200, 0)])

    def test_no_look_is_later_than_the_end_of_a_run(self):
        self.frontier(p3=(900,), p5=(1200,))
        self.put(json.dumps(schedule_data([(0, 100, [(3, 10), (5, 20)])])))
        course = self.course(look_s=1e6)
        course.look(0)
        self.now_s += 1
        self.assertEqual(course.look(4).steps, 6)

    def test_a_job_that_is_slower_than_its_schedule_is_told_so_once(self):
        self.frontier(p3=(900,))
        self.put(json.dumps(schedule_data([(s, s + 10, [(3, 10)]) for s in (0, 10, 20, 30)])))
        course = self.course()
        course.look(0)
        with self.assertLogs("kareus") as logs:
            for time_s, begun in ((11, 10), (21, 15), (31, 20)):
                self.now_s = ORIGIN_S + time_s
                course.look(begun)
        self.assertEqual(len(logs.output), 1)
        self.assertIn("KRS5342", logs.output[0])
        self.assertIn("5 of 10", logs.output[0])


@unittest.skipUnless(LIBRARY.exists(), "libkareus is not built")
class Following(Files):
    def runtime(self, **more):
        first = write_plan(self.folder, plan_data(clocks=(1410, 900)))
        options = {"backend": "dry", "device": 0, "synchronous": True, "look_s": 1e-9, **more}
        runtime = Runtime(first, 0, 0, options=Options(follow=self.followed, **options))
        self.addCleanup(runtime.close)
        return runtime

    def clocks(self, runtime):
        """What a step's clocks are; 0: unlocked."""
        before = len(runtime.device.changes())
        with runtime.step():
            for each in runtime.instructions:
                with runtime.instruction(each.kind, each.microbatch):
                    self.following = runtime.current
        runtime.device.flush(5)
        return runtime.device.changes()[before:]

    def test_the_plan_changes_between_steps(self):
        runtime = self.runtime()
        self.assertEqual(self.clocks(runtime), [])
        self.assertIsNone(self.following)
        self.put(self.plan(900, 1200))
        self.assertEqual(self.clocks(runtime), [900, 1200, 900, 1200, 900])
        self.assertEqual(self.following.freq_mhz, 900)
        self.put(self.plan(1410))
        self.assertEqual((self.clocks(runtime), self.clocks(runtime)), ([1410], []))
        self.put("null")
        self.assertEqual((self.clocks(runtime), self.following), ([0], None))

    def test_a_plan_of_another_job_is_refused_and_the_job_goes_on(self):
        runtime = self.runtime()
        self.put(self.plan(900))
        self.clocks(runtime)
        gpipe = [[("forward", 0, 0), ("forward", 1, 0), ("backward", 0, 0), ("backward", 1, 0)]]
        for other, code in (
            (self.plan(1200, microbatches=3), "KRS5314"),
            (self.plan(1200, orders=gpipe), "KRS5314"),
            (self.plan(1200, stages=2), "KRS5314"),
            ("{", "KRS5302"),
        ):
            self.put(other)
            with self.assertLogs("kareus") as logs:
                self.assertEqual((self.clocks(runtime), self.clocks(runtime)), ([], []))
            self.assertEqual(len(logs.output), 1)
            self.assertRegex(logs.output[0], f"KRS5340[^$]*{code}")
            self.assertEqual(self.following.freq_mhz, 900)
        self.put(self.plan(1200))
        self.assertEqual(self.clocks(runtime), [1200])

    def test_a_schedule_that_pauses_unlocks_the_clocks_meanwhile(self):
        self.frontier(p3=(900,))
        slots = [(0, 0.3, [(3, 1)]), (0.3, 0.6, []), (0.6, 9, [(3, 5)])]
        self.put(json.dumps(schedule_data(slots)))
        runtime = self.runtime(plans=self.folder)
        found = [self.clocks(runtime)]
        while not found[-1] or len(found) == 1:
            found.append(self.clocks(runtime))
        self.assertEqual((found[0], found[-1]), ([900], [0, 900]))

    def test_what_steps_took_is_written_down_by_plan(self):
        steps = os.path.join(self.folder, "made", "steps.jsonl")
        runtime = self.runtime(steps=steps)
        for text in (None, self.plan(900), None):
            if text is not None:
                self.put(text)
            self.clocks(runtime)
        with open(steps, encoding="utf-8") as file:
            header, *lines = [json.loads(line) for line in file]
        self.assertEqual((header["format"], header["gpu"], header["ranks"]), ("kareus-steps", "a100-sxm4-40gb", 1))
        self.assertEqual([(line["first"], line["steps"], line["plan"]) for line in lines], [(0, 1, None), (1, 1, self.followed)])
        self.assertTrue(all(line["time_s"] > 0 and line["energy_j"] is None for line in lines))


if __name__ == "__main__":
    unittest.main()
