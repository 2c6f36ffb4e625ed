#!/usr/bin/env bash
# The include check must find planted faults, and none in a tree without.
set -euo pipefail
check=$(cd "$(dirname "$0")" && pwd)/check_includes.py
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{base,backend,worker,cli}
echo '#include "base/env.hpp"' >"$tree/backend/fine.cpp"
"$check" "$tree" || { echo "a fine tree was refused"; exit 1; }
echo '#include "worker/lane.hpp"' >"$tree/backend/planted.cpp"
echo '#include <CLI/CLI.hpp>' >"$tree/worker/planted.cpp"
echo '#include <nlohmann/json.hpp>' >"$tree/cli/planted.hpp"
echo 'int f() { return ::open("x", 0); }' >"$tree/worker/opening.cpp"
echo 'const auto now = std::chrono::steady_clock::now();' >"$tree/cli/clock.cpp"
found=$("$check" "$tree" || true)
for name in backend/planted.cpp worker/planted.cpp cli/planted.hpp worker/opening.cpp cli/clock.cpp; do
  grep -q "^$name" <<<"$found" || { echo "not found: $name"; exit 1; }
done
[[ $(wc -l <<<"$found") -eq 5 ]] || { echo "more was found than planted: $found"; exit 1; }
