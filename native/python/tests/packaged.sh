#!/usr/bin/env bash
# The wheel as a user gets it, in a fresh environment beside the real, current PyTorch and transformers:
# it loads its own library, exports models that the built `kareus` reads, follows every schedule of
# torch.distributed.pipelining, those that torchtitan builds and Megatron-LM's, Hugging Face's Trainer too, and trains
# 4 ranks after a plan, a schedule and what it learns.
# Needs `npm run build` and `npm run build:native`, for the simulated driver.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

out=$(realpath -m ../../build/wheel)
wheel=$(../build-wheel.sh "$out")
environment=../../build/packaged
rm -rf "$environment"
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet "$wheel" -r ../requirements-test.txt
environment=$(realpath "$environment")
(cd "$out" && "$environment/bin/python" -c "
from kareus_runtime import native
import ctypes
library = ctypes.CDLL(native.library_path())
from torchtitan.distributed import pipeline_parallel  # Where it is missing, its schedules would be left out.
assert 'site-packages' in native.library_path() and library.kareus_abi_version() >= 1
")
"$environment/bin/python" -B -W ignore -m unittest test_export test_schedules test_megatron test_trainer test_following test_training
