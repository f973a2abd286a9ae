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

try:
    from kareus_runtime.export.exporting import export
except ModuleNotFoundError as missing:
    if missing.name is None or missing.name.startswith("kareus_runtime"):
        raise
    _LACK = f"kareus_runtime.export needs {missing.name}: pip install torch onnx onnxscript transformers"
    # While `python -m` looks for the module there is no other name of the program.
    if sys.argv[0] == "-m":
        sys.exit(_LACK)
    raise ModuleNotFoundError(_LACK, name=missing.name) from missing

__all__ = ["export"]


class _Exporting(ModuleType):
    """This package, called as its function is."""

    __call__ = staticmethod(export)


sys.modules[__name__].__class__ = _Exporting
