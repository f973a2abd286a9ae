#!/usr/bin/env bash
# Builds the recorder, as a program and as the library of recorder.py, with the CUDA toolkit:
#   build.sh [<folder>]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! command -v nvcc > /dev/null; then
  echo "nvcc is not there: the recorder needs the CUDA toolkit (13 is what it is built with)" >&2
  exit 1
fi

folder=${1:-build}
mkdir -p "$folder"
flags=(-std=c++17 -O3 -Xcompiler -fPIC,-Wall,-Wextra,-Werror -Werror all-warnings)
for architecture in 80 90; do
  flags+=(-gencode "arch=compute_$architecture,code=sm_$architecture")
done
flags+=(-I ../shim/include)
shared=(codes counter gauges journal nvml process weather)
measuring=(measure progress regimes reply session setting switching warm window worklist)
sources=(board.cpp claim.cpp gemm.cpp gpu.cpp nccl.cpp kernels.cu runner.cpp recorder.cpp)
for name in "${shared[@]}"; do sources+=("../shim/src/$name.cpp"); done
for name in "${measuring[@]}"; do sources+=("$name.cpp"); done
nvcc "${flags[@]}" -shared -o "$folder/libkareus-recorder.so" "${sources[@]}" -ldl
nvcc "${flags[@]}" -o "$folder/kareus-recorder" main.cpp "${sources[@]}" -ldl
