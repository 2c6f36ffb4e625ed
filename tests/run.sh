#!/usr/bin/env bash
# Builds jobhost and runs all its tests; installs what a bare Debian 12 lacks first.
#   tests/run.sh [PRESET]     release (default), dev, asan or tsan
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
tests/support/install_packages.sh --tests
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
reports=build/$preset/reports  # of sanitizers, from whatever process: a worker that one ends is replaced
rm -rf "$reports"
mkdir "$reports"
status=0
ctest --preset "$preset" -j2 || status=$?
if compgen -G "$reports/*" >/dev/null; then
  cat "$reports"/*
  status=1
fi
exit $status
