"""Exports a PyTorch model to the ONNX file that `kareus optimize` reads, without its weights.

>>> from kareus_runtime import export
>>> with torch.device("meta"):
...     model = LlamaForCausalLM(config)
>>> export(model, {"input_ids": ids, "labels": ids}, "llama.onnx")

`python -m kareus_runtime.export --config FOLDER --batch 1 --sequence 4096 --out llama.onnx` does it for a
model of the transformers package; type checkers want the function itself, `kareus_runtime.export.export`.
"""

import sys
from types import ModuleType

from kareus_runtime.export.exporting import export

__all__ = ["export"]


class _Exporting(ModuleType):
    """This package, called as its function is."""

    __call__ = staticmethod(export)


sys.modules[__name__].__class__ = _Exporting
