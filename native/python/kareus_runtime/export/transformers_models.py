"""Models of the transformers package on the meta device, with the inputs of one microbatch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kareus_runtime.diagnostics import ExportRefused, reason_of, unusable_model


def model_and_inputs(
    config_path: Path, batch: int, sequence: int, dtype: torch.dtype
) -> tuple[nn.Module, dict[str, Any]]:
    """The model of a configuration and its example inputs, both on the meta device. Nothing is asked of a hub.

    :param config_path: a model's folder or its config.json; nothing else of it is read
    :param batch: samples of one microbatch
    :param sequence: tokens of a sample; of no meaning to a vision model
    :raises ExportRefused: there is no such configuration, or transformers makes no model of it
    """
    file = config_path / "config.json" if config_path.is_dir() else config_path
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise ExportRefused(unusable_model(str(file), reason_of(cause))) from cause
    try:
        import transformers
    except ModuleNotFoundError as missing:
        raise SystemExit(f"--config needs {missing.name}: pip install transformers") from None

    # What a wrong configuration raises depends on the model: anything.
    try:
        config = transformers.AutoConfig.from_pretrained(str(file), local_files_only=True)
        config.use_cache = False
        model = _model(transformers, config, dtype)
        return model, _inputs(model, config, batch, sequence, dtype)
    except Exception as cause:
        raise ExportRefused(unusable_model(str(file), reason_of(cause))) from cause


def _model(transformers: Any, config: Any, dtype: torch.dtype) -> nn.Module:
    architectures = config.architectures or []
    cls = getattr(transformers, architectures[0], None) if architectures else None
    make = transformers.AutoModelForCausalLM.from_config if cls is None else cls._from_config
    with torch.device("meta"):
        model: nn.Module = make(config, dtype=dtype)
    return model


def _inputs(
    model: nn.Module, config: Any, batch: int, sequence: int, dtype: torch.dtype
) -> dict[str, Any]:
    def tokens(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, dtype=torch.long, device="meta")

    if model.main_input_name == "pixel_values":
        height, width = _pair(config.image_size)
        shape = (batch, config.num_channels, height, width)
        return {
            "pixel_values": torch.zeros(shape, dtype=dtype, device="meta"),
            "labels": tokens(batch),
        }
    labels = (batch,) if "SequenceClassification" in type(model).__name__ else (batch, sequence)
    return {"input_ids": tokens(batch, sequence), "labels": tokens(*labels)}


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])
