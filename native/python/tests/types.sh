#!/usr/bin/env bash
# Checks the types of kareus_runtime, and of a job that uses it, with mypy --strict.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mypy_version=1.18.2
environment=../build/mypy-$mypy_version
if [ ! -x "$environment/bin/mypy" ]; then
  rm -rf "$environment"
  if ! { python3 -m venv "$environment" &&
    "$environment/bin/pip" install --quiet "mypy==$mypy_version"; } > /dev/null 2>&1; then
    rm -rf "$environment"
    echo "mypy $mypy_version cannot be installed: types are not checked" >&2
    exit 0
  fi
fi
"$environment/bin/mypy"
MYPYPATH=. "$environment/bin/mypy" --strict --config-file= --python-version 3.9 tests/typed_job.py
