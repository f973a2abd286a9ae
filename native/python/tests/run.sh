#!/usr/bin/env bash
# The types and every test of the Python package, then the bench of a boundary. Needs `npm run build` and
# `npm run build:native`; Debian's python3-torch is under the system's Python, others name theirs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

python=${PYTHON:-/usr/bin/python3}
./types.sh
"$python" -B -m unittest discover
KAREUS_STATE_DIR=$(mktemp -d) "$python" -B ../bench/boundary.py
