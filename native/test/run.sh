#!/usr/bin/env bash
# Every test of the runtime's native half: plain, under ASan and UBSan, under TSan; then the bench.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

check() {
  ./build.sh "$@"
  rm -f "$1"/reports/*
  ctest --test-dir "$1" --output-on-failure
  if compgen -G "$1/reports/*" > /dev/null; then
    cat "$1"/reports/* >&2
    exit 1
  fi
}

check build
check build/asan address,undefined
check build/tsan thread
grep "reset after" build/Testing/Temporary/LastTest.log
build/test/kareus-bench
