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
ctest --preset "$preset" -j5 || status=$?
for report in $(find "$reports" -type f); do
  # Tasks that want too much memory end by a report, too: the operator new of sanitizers does not throw.
  if grep -qE 'SUMMARY: .*(out-of-memory|allocation-size-too-big)' "$report"; then continue; fi
  # All that it has to say of a process that is killed while leaks are looked for.
  if ! grep -qv 'Unable to get registers from thread' "$report"; then continue; fi
  cat "$report"
  status=1
done
exit $status
