#!/usr/bin/env bash
# Every test of the runtime's native half: plain, under ASan and UBSan, under TSan; then the bench.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

check() {
  ./build.sh "$@"
  ctest --test-dir "$1" --output-on-failure
}

check build
check build/asan address,undefined
check build/tsan thread
build/test/kill_test | grep "reset after" || true
build/test/kareus-bench
