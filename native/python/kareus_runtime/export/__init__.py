"""Exports a PyTorch model to the ONNX file that `kareus optimize` reads, without its weights.

>>> from kareus_runtime.export import export
>>> with torch.device("meta"):
...     model = LlamaForCausalLM(config)
>>> export(model, {"input_ids": ids, "labels": ids}, "llama.onnx")

`python -m kareus_runtime.export --config FOLDER --batch 1 --sequence 4096 --out llama.onnx` does it for a
model of the transformers package.
"""

from kareus_runtime.export.exporting import export

__all__ = ["export"]
