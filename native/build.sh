#!/usr/bin/env bash
# Builds the runtime's native half into native/build, or with sanitizers elsewhere:
#   build.sh [<folder> <address,undefined|thread>]
# Quiet unless it fails. Needs CMake and a C++17 compiler; neither CUDA nor a driver.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

for tool in cmake c++; do
  if ! command -v "$tool" > /dev/null; then
    echo "$tool is not there: Debian has it in the packages cmake and g++" >&2
    exit 1
  fi
done

folder=${1:-build}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake -S . -B "$folder" -DKAREUS_SANITIZE="${2:-}" &&
  cmake --build "$folder" --parallel "$(nproc)"; } > "$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
