"""`python -m kareus_runtime.export` of what is no model: one line with a code, exit 2, and no hub is asked."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

try:
    import onnxscript  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401
except ImportError:
    raise unittest.SkipTest("torch, onnxscript and transformers are not installed") from None

import support  # noqa: F401 - says where the package is
from kareus_runtime.export.__main__ import main

FILES = {
    "empty/config.json": "{}",
    "torn/config.json": '{"model_type": "lla',
    "list/config.json": "[]",
    "unknown/config.json": json.dumps({"model_type": "nonesuch"}),
    "wrong/config.json": json.dumps({"model_type": "llama", "hidden_size": "many"}),
    "binary/config.json": "\0\x7f",
    "model.py": "def lossless():\n    import torch\n    return torch.nn.ReLU(), (torch.zeros(2, 2),)\n",
}


class Refused(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.folder)
        for name, content in FILES.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(content)

    def _refused(self, code: str, *flags: str, out: str = "x.onnx") -> None:
        said = io.StringIO()
        argv = ["export", *flags, "--out", out]
        with self.subTest(argv=argv):
            with mock.patch.object(sys, "argv", argv), contextlib.redirect_stderr(said):
                with self.assertRaises(SystemExit) as ended:
                    main()
            self.assertEqual(ended.exception.code, 2)
            self.assertRegex(said.getvalue(), rf"(?m)^error {code} \S.*\n  hint: .*\n\Z")
            self.assertEqual(list(self.folder.glob("*.onnx")), [])

    def test_no_configuration(self) -> None:
        for name in ["nofolder", "meta-llama/Llama-3", ".", "model.py"]:
            self._refused("KRS5350", "--config", name)

    def test_configurations_of_no_model(self) -> None:
        for name in ["empty", "torn", "list", "unknown", "wrong", "binary"]:
            self._refused("KRS5350", "--config", name)

    def test_functions(self) -> None:
        for name in ["nofile.py:f", "model.py:nothing", "model.py"]:
            self._refused("KRS5350", "--function", name)
        self._refused("KRS5351", "--function", "model.py:lossless")

    def test_where_to(self) -> None:
        self._refused("KRS5351", "--function", "model.py:lossless", out="nofolder/x.onnx")
        self._refused("KRS5351", "--function", "model.py:lossless", "--group-size", "tp")


if __name__ == "__main__":
    unittest.main()
