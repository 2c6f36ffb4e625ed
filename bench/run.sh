#!/usr/bin/env bash
# Measures every kind of work on jobhost beside physical limits and peers, in one interleaved run.
#   bench/run.sh [--quick] [--only WORK]    table in build/bench/results.md and .json
#   bench/run.sh --micro                    the parts of a task's path one by one
set -euo pipefail
cd "$(dirname "$0")/.."
tests/support/install_packages.sh --bench
cmake --preset release -DJOBHOST_BUILD_BENCH=ON >/dev/null
cmake --build --preset release --target bench >/dev/null
if [[ "${1:-}" == --micro ]]; then
  exec build/release/bench/micro --benchmark_min_time=0.2
fi
exec python3 bench/measure.py build/release "$@"
