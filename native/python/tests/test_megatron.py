"""The real Megatron-LM (megatron-core of PyPI) on gloo: its own 1F1B follows a plan, and trains the same."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import LIBRARY, Machine, without_repeats

JOB = Path(__file__).with_name("megatron_job.py")
READY = LIBRARY.exists() and importlib.util.find_spec("megatron")
STEPS = 3


@unittest.skipUnless(READY, "needs libkareus and megatron-core")
class Megatron(unittest.TestCase):
    def test_its_pipelines_follow_a_plan(self):
        ranks = 2
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine(folder, f"devices={ranks} busy=0.5")
            results = os.path.join(folder, "results.json")
            words = [sys.executable, "-B", "-W", "ignore", str(JOB), str(ranks), results]
            done = subprocess.run(words, env=machine.environment, capture_output=True, text=True, timeout=900)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("KRS", done.stderr)
            with open(results, encoding="utf-8") as file:
                reports = json.load(file)
            self.assertTrue(reports[-1]["losses"])
            for report in reports:
                self.assertEqual(report["followed"], report["losses"])
                self.assertEqual(report["recorded"], report["planned"] * STEPS)
                self.assertEqual(report["mode"], "control")
                self.assertEqual(report["changes"], without_repeats(report["clocks"] * STEPS))


if __name__ == "__main__":
    unittest.main()
