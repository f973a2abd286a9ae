#!/usr/bin/env python3
"""The recorder with attention from torch: same arguments, work list and replies as the program.

Everything but attention is done by the library beside this file, which calls back for it.
"""

import ctypes
import pathlib
import sys

LIBRARY = pathlib.Path(__file__).parent / "build" / "libkareus-recorder.so"
ATTENTION = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_int64), ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p
)


class Attention:
    """Scaled dot-product attention on a given stream; operands are kept by shape."""

    def __init__(self, torch):
        self.torch = torch
        self.operands = {}
        self.streams = {}

    def __call__(self, sizes, backward, type_name, stream):
        torch = self.torch
        # An exception must not cross into the library.
        try:
            with torch.cuda.stream(self.stream(stream)):
                self.run((*sizes[:7], bool(backward), type_name.decode()))
            return 0
        except Exception as error:
            print(f"attention: {error}", file=sys.stderr)
            return 1

    def stream(self, handle):
        if handle not in self.streams:
            self.streams[handle] = self.torch.cuda.ExternalStream(handle)
        return self.streams[handle]

    def run(self, shape):
        if shape not in self.operands:
            # One shape is measured at a time; others only take memory away.
            self.operands = {shape: self.prepare(shape)}
        step = self.operands[shape]
        step()

    def prepare(self, shape):
        torch = self.torch
        b, heads, kv_heads, q_len, kv_len, head_dim, causal, backward, type_name = shape

        def tensor(count, length):
            return torch.randn(
                (b, count, length, head_dim),
                device="cuda",
                dtype=getattr(torch, type_name),
                requires_grad=backward,
            )

        query, key, value = tensor(heads, q_len), tensor(kv_heads, kv_len), tensor(kv_heads, kv_len)

        def forward():
            return torch.nn.functional.scaled_dot_product_attention(
                query, key, value, is_causal=bool(causal), enable_gqa=heads != kv_heads
            )

        if not backward:
            return forward
        output = forward()
        gradient = torch.randn_like(output)
        return lambda: torch.autograd.grad(
            output, (query, key, value), gradient, retain_graph=True
        )


def main():
    if not LIBRARY.exists():
        print(f"{LIBRARY} is not built: run build.sh beside it", file=sys.stderr)
        return 2
    library = ctypes.CDLL(str(LIBRARY))
    arguments = [argument.encode() for argument in sys.argv]
    argv = (ctypes.c_char_p * len(arguments))(*arguments)
    try:
        import torch
    except ImportError:
        print("torch is not there: attention is skipped", file=sys.stderr)
        callback = ATTENTION(0)
    else:
        callback = ATTENTION(Attention(torch))
    return library.kareus_recorder(len(arguments), argv, callback)


if __name__ == "__main__":
    sys.exit(main())
