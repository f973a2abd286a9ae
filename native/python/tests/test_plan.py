"""Plans that are read, and plans that are not: each fault its own code, and the place."""

import copy
import json
import unittest

from support import ROOT, packed, plan_data, tabled

from kareus_runtime import PlanRefused
from kareus_runtime.checks import Job, refusal
from kareus_runtime.plan import parse_plan, read_text
from kareus_runtime.schema import _RULES


def set_at(data, path, value):
    """The same data with another value at a path of keys and indices."""
    changed = copy.deepcopy(data)
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed


class Plans(unittest.TestCase):
    def refusal(self, text):
        with self.assertRaises(PlanRefused) as caught:
            parse_plan(text, "plan.json")
        return caught.exception.diagnostic

    def malformed(self, code, place, path, value):
        found = self.refusal(json.dumps(set_at(plan_data(stages=2), path, value)))
        self.assertEqual((found.code, found.where), (code, f"plan.json at {place}"))
        self.assertNotEqual(found.hint, "")

    def test_a_switch_takes_one_time_or_one_by_the_clock_that_it_goes_to(self):
        table = {"freq_mhz": [900, 1200, 1410], "call_s": [1, 2, 1], "transition_s": [10, 30, 20]}
        clocks = (300, 900, 1000, 1200, 1300, 1410, 1980)
        for given, expected in ((0.5, [0.5] * 7), (table, [11, 11, 32, 32, 32, 21, 21])):
            text = json.dumps(packed({**plan_data(), "switch_time_s": given}))
            plan = parse_plan(text, "plan.json")
            self.assertEqual([plan.switch_to_s(clock) for clock in clocks], expected)
        short, twice = {**table, "call_s": [1]}, {**table, "freq_mhz": [900, 900, 1410]}
        empty = {name: [] for name in table}
        for wrong, place in ((short, ""), (twice, ".freq_mhz"), (empty, ".freq_mhz")):
            found = self.refusal(json.dumps(packed({**plan_data(), "switch_time_s": wrong})))
            self.assertEqual(
                (found.code, found.where), ("KRS5305", f"plan.json at .switch_time_s{place}")
            )
        self.assertEqual(parse_plan(json.dumps(plan_data()), "plan.json").switch_to_s(900), 0)

    def test_a_plan_is_cut_into_stages(self):
        plan = parse_plan(json.dumps(plan_data(stages=2, microbatches=3)), "plan.json")
        self.assertEqual([len(stage) for stage in plan.stages], [7, 7])
        forward, backward = plan.stages[1][:2]
        self.assertEqual((forward.name, backward.name), ("forward 0", "backward 0"))
        found = forward.partition("forward.000000000001", layer=0)
        self.assertEqual((found.launch_slot, found.sms, found.order), (1, 4, (0, 1, 2)))
        self.assertIs(forward.find("layers.0/attn_0", 0), found)
        self.assertIsNone(forward.find("layers.0/attn_0", 7))
        self.assertIsNone(forward.find("layers.0/attn_0", 0, nanobatch=1))
        self.assertIsNone(forward.partition("backward.000000000002", layer=0))
        self.assertEqual(plan.sms, [4, 8])

    def test_version_2_names_how_instructions_run_by_index(self):
        old = plan_data(stages=2, microbatches=3)
        new = packed(old)
        self.assertLess(len(new["variants"]), sum(len(s["instructions"]) for s in old["stages"]))
        self.assertEqual(parse_plan(json.dumps(new), "p"), parse_plan(json.dumps(old), "p"))
        for path, value, place in (
            (("stages", 1, "instructions", 2, "variant"), 99, ".stages[1].instructions[2].variant"),
            (("variants", 0, "use", 0, "configuration"), 9, ".variants[0].use[0].configuration"),
        ):
            found = self.refusal(json.dumps(set_at(new, path, value)))
            self.assertEqual((found.code, found.where), ("KRS5305", f"plan.json at {place}"))

    def test_version_3_shares_uses_and_counts_layers_within_the_stage(self):
        old = plan_data(stages=2, microbatches=3)
        for instruction in old["stages"][1]["instructions"][:-1]:
            instruction["use"][0]["layers"] = [4]
        new = tabled(packed(old))
        self.assertEqual([stage["layers"] for stage in new["stages"]], [[0], [4]])
        self.assertLess(len(new["variants"]), len(packed(old)["variants"]))
        read = parse_plan(json.dumps(new), "p")
        self.assertEqual(read, parse_plan(json.dumps(old), "p"))
        self.assertEqual(read.stages[1][0].uses[0].layers, (4,))
        costs = {"configuration": [0, 1], "freq_mhz": [900], "source": ["modelled"]}
        names = ("time_s", "energy_j", "compute_s", "contention_s")
        names += ("exposed_communication_s", "throttling_s")
        for path, value, place in (
            (("stages", 1, "instructions", 2, "variant"), 99, ".stages[1].instructions[2].variant"),
            (("variants", 0, "use"), 9, ".variants[0].use"),
            (("uses", 0, 0, "configuration"), 9, ".uses[0][0].configuration"),
            (("uses", 0, 0, "layers"), [0, 1], ".stages[0].instructions[0].variant"),
            (("stages", 1, "layers"), [], ".stages[1].instructions[0].variant"),
            (("costs",), {**costs, **{name: [1.5] for name in names}}, ".costs"),
        ):
            with self.subTest(place=place):
                found = self.refusal(json.dumps(set_at(new, path, value)))
                self.assertEqual((found.code, found.where), ("KRS5305", f"plan.json at {place}"))

    def test_columns_of_costs_that_later_programs_add_are_nothing_to_us(self):
        plan = tabled(packed(plan_data()))
        names = ("configuration", "freq_mhz", "time_s", "energy_j", "compute_s", "contention_s")
        names += ("exposed_communication_s", "throttling_s")
        costs = {**{name: [1] for name in names}, "source": ["modelled"]}
        for added in (7, [1, 2, 3]):
            text = json.dumps({**plan, "costs": {**costs, "later": added}})
            self.assertEqual(parse_plan(text, "p"), parse_plan(json.dumps(plan), "p"))

    def test_an_index_may_be_written_as_a_float(self):
        for version in (packed(plan_data()), tabled(packed(plan_data()))):
            path = ("stages", 0, "instructions", 1, "variant")
            self.assertEqual(version["stages"][0]["instructions"][1]["variant"], 1)
            text = json.dumps(set_at(version, path, 1.0))
            self.assertEqual(parse_plan(text, "p"), parse_plan(json.dumps(version), "p"))

    def test_what_is_queued_has_slots_of_its_own(self):
        data = plan_data()
        self.assertEqual(parse_plan(json.dumps(data), "p").stages[0][0].uses[0].partition.queued_slots, ())
        moved = {"kind": "reduce_scatter", "size_bytes": 8, "group": "dp"}
        data["partitions"][0]["queued"] = [moved, moved]
        data["configurations"][0]["queued_slots"] = ["linear_0", None]
        found = parse_plan(json.dumps(data), "p").stages[0][0].uses[0].partition
        self.assertEqual(found.queued_slots, (found.launch_slot, None))
        for slots in (None, ["linear_0"], ["linear_0", "rope_9"]):
            data["configurations"][0].pop("queued_slots", None)
            if slots is not None:
                data["configurations"][0]["queued_slots"] = slots
            refused = self.refusal(json.dumps(data))
            self.assertEqual(refused.where, "plan.json at .configurations[0].queued_slots")

    def test_what_is_no_plan(self):
        self.assertEqual(self.refusal("{").code, "KRS5302")
        self.assertEqual(self.refusal('{"format": NaN}').code, "KRS5302")
        for text in ("[]", "null", '{"format": "kareus-frontier"}'):
            self.assertEqual(self.refusal(text).code, "KRS5303")
        self.assertEqual(self.refusal(json.dumps({**plan_data(), "version": 4})).code, "KRS5304")
        with self.assertRaises(PlanRefused) as caught:
            read_text("/nowhere/plan.json")
        self.assertEqual(caught.exception.diagnostic.code, "KRS5301")

    def test_what_breaks_the_schema(self):
        instruction = ("stages", 0, "instructions", 1)
        at = ".stages[0].instructions[1]"
        for path, value, place in (
            (("version",), 0, ".version"),
            (("version",), True, ".version"),
            (("gpu", "sm_count"), 1.5, ".gpu.sm_count"),
            (("parallelism", "tp"), 0, ".parallelism.tp"),
            (("parallelism", "pipeline"), "dream", ".parallelism.pipeline"),
            ((*instruction, "kind"), "sideways", f"{at}.kind"),
            ((*instruction, "time_s"), -1, f"{at}.time_s"),
            ((*instruction, "time_s"), "1", f"{at}.time_s"),
            ((*instruction, "microbatch"), [], f"{at}.microbatch"),
            ((*instruction, "use"), {}, f"{at}.use"),
            ((*instruction, "use", 0, "nanobatch"), 2, f"{at}.use[0].nanobatch"),
            (("partitions", 0, "communication", "kind"), None, ".partitions[0].communication.kind"),
        ):
            with self.subTest(place=place, value=value):
                self.malformed("KRS5305", place, path, value)

    def test_what_is_missing(self):
        data = plan_data()
        del data["stages"][0]["instructions"][2]["freq_mhz"]
        found = self.refusal(json.dumps(data))
        self.assertEqual(found.where, "plan.json at .stages[0].instructions[2].freq_mhz")

    def test_what_names_something_that_is_not_there(self):
        for path, value, place in (
            (("configurations", 0, "partition"), "forward.x", ".configurations[0].partition"),
            (("configurations", 0, "launch_slot"), "rope_9", ".configurations[0].launch_slot"),
            (("configurations", 1, "order"), [0, 1, 1], ".configurations[1].order"),
            (("configurations", 1, "order"), [0, 1], ".configurations[1].order"),
            (
                ("stages", 1, "instructions", 0, "use", 0, "configuration"),
                9,
                ".stages[1].instructions[0].use[0].configuration",
            ),
        ):
            with self.subTest(place=place):
                self.malformed("KRS5305", place, path, value)

    def test_orders_that_cannot_be(self):
        order = ("stages", 0, "instructions")
        for path, value, place in (
            (("parallelism", "pp"), 3, ".stages"),
            ((*order, 2, "microbatch"), 1, ".stages[0].instructions[3]"),
            ((*order, 0, "kind"), "backward", ".stages[0].instructions[0]"),
            ((*order, 1, "kind"), "tail", ".stages[0].instructions[1]"),
            (("parallelism", "microbatches"), 3, ".stages[0]"),
            (("parallelism", "microbatches"), 2**40, ".stages[0]"),
        ):
            with self.subTest(place=place):
                self.malformed("KRS5306", place, path, value)

    def test_clocks_alone_leave_sms_to_the_job(self):
        data = plan_data()
        self.assertEqual(parse_plan(json.dumps(data), "plan.json").sms, [4, 8])
        plan = parse_plan(json.dumps({**data, "control": "clocks"}), "plan.json")
        self.assertEqual((plan.control, plan.sms, plan.point_to_point_sms), ("clocks", [], []))

    def test_copy_engines_are_taken_where_the_job_says_that_it_has_them(self):
        data = plan_data()
        data["configurations"][0]["sms"] = 0
        plan = parse_plan(json.dumps(data), "plan.json")
        for has, code in ((False, "KRS5316"), (True, None)):
            found = refusal(plan, 0, None, None, Job(copy_engines=has))
            self.assertEqual(found and found.code, code)

    def test_every_keyword_of_the_schema_is_checked(self):
        schema = json.loads((ROOT / "schemas" / "plan.schema.json").read_text("utf-8"))
        self.assertLessEqual(keywords_of(schema), set(_RULES))


def keywords_of(schema):
    below = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    below += schema.get("oneOf", [])
    below += [schema[word] for word in ("additionalProperties",) if word in schema]
    below += [schema["items"]] if "items" in schema else []
    return set(schema).union(*(keywords_of(each) for each in below))


if __name__ == "__main__":
    unittest.main()
