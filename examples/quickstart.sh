#!/usr/bin/env bash
# From a bare Debian 12 to a thousand results: installs what is missing, builds jobhost, builds the example of pi as its
# own project, runs it, and shows what came out.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tests/support/install_packages.sh
echo "building jobhost (a few minutes the first time) ..."
[[ -f build/release/build.ninja ]] || cmake --preset release -DJOBHOST_BUILD_TESTS=OFF >/dev/null
cmake --build --preset release >/dev/null
jobhost=$root/build/release/bin/jobhost

work=$root/build/quickstart
rm -rf "$work" && cp -r examples/01-pi "$work" && cd "$work"
echo "building the example ..."
cmake -B b -DCMAKE_PREFIX_PATH="$root/build/release" -Wno-dev >/dev/null
cmake --build b >/dev/null
echo '$ jobhost run b/pi.so:estimate_pi seed=1..1000 samples=10000 -o pi.csv'
"$jobhost" run b/pi.so:estimate_pi seed=1..1000 samples=10000 -o pi.csv
head -n 4 pi.csv
awk -F, 'NR > 1 { sum += $4 } END { printf "mean of %d estimates: %.5f\n", NR - 1, sum / (NR - 1) }' pi.csv
echo "next: $jobhost --help"
