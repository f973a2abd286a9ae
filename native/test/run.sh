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
grep "reset after" build/Testing/Temporary/LastTest.log
build/test/kareus-bench
