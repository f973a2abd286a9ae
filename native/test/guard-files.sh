#!/usr/bin/env bash
# The ready files of kareus-guardd, as systemd and Kubernetes' own schema read them; what is not there
# (systemd-analyze; kubernetes-validate of PyPI) is skipped. Nothing is started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unit=guard/kareus-guardd.service
if command -v systemd-analyze > /dev/null; then
  work=$(mktemp -d)
  trap 'rm -r "$work"' EXIT
  # As if it were installed: systemd wants the program to be there.
  sed "s|/usr/local/sbin/kareus-guardd|$PWD/build/kareus-guardd|" "$unit" > "$work/kareus-guardd.service"
  systemd-analyze verify "$work/kareus-guardd.service"
  echo "ok     $unit"
else
  echo "skipped: no systemd-analyze"
fi
if command -v kubernetes-validate > /dev/null; then
  kubernetes-validate --strict guard/kubernetes/daemonset.yaml
else
  echo "skipped: no kubernetes-validate"
fi
