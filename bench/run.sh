#!/usr/bin/env bash
# Measures whole jobs beside what the machine can do, in one interleaved run; prints medians and ratios.
#   bench/run.sh [--quick]
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset release -DJOBHOST_BUILD_BENCH=ON >/dev/null
cmake --build --preset release --target jobhost jobhost-executor jobhost-executor-tbb jobhost-scan bench_kernels bench_program limits >/dev/null
exec python3 bench/whole_job.py build/release "$@"
