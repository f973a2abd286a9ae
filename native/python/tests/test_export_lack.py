"""`python -m kareus_runtime.export` without what it needs says what that is."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


class Lack(unittest.TestCase):
    def test_one_line_and_no_traceback(self) -> None:
        # -S: no site-packages, so no torch.
        run = subprocess.run(
            [sys.executable, "-S", "-m", "kareus_runtime.export", "--config", "x", "--out", "y"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        )
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"^kareus_runtime\.export needs \w+: pip install torch onnx")
        self.assertEqual(len(run.stderr.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
