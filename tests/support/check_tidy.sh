#!/usr/bin/env bash
# Runs the short clang-tidy list over core; everything it finds is an error.
#   check_tidy.sh [FILE ...]   all sources of core by default
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build/release
[[ -f $build/compile_commands.json ]] || cmake --preset release >/dev/null
files=("$@")
[[ ${#files[@]} -gt 0 ]] || mapfile -t files < <(git ls-files 'core/src/*.cpp')
printf '%s\n' "${files[@]}" | xargs -P2 -n4 clang-tidy -p "$build" --quiet 2>/dev/null
echo "tidy: fine"
