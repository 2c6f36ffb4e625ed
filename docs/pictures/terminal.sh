#!/usr/bin/env bash
# Records terminal.svg: types a short session at the pace of people. Needs termtosvg and a built jobhost.
#   docs/pictures/terminal.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
if [[ -z "${RECORDING:-}" ]]; then
  work=/tmp/demo
  mkdir "$work"
  trap 'rm -rf "$work"' EXIT
  cp "$root/examples/01-pi/pi.cpp" "$work"
  printf '#include <cmath>\n#include <stdexcept>\n\ndouble square_root(double x) {\n  if (x < 0) throw std::domain_error("x is negative");\n  return std::sqrt(x);\n}\n' >"$work/root.cpp"
  cd "$work"
  export RECORDING=1 PATH="$root/build/release/bin:$PATH"
  # termtosvg wants a terminal, and takes its size.
  script --quiet --return --command "stty cols 112 rows 24; termtosvg '$here/terminal.svg' --command '$here/terminal.sh' \
    --min-frame-duration 100 --max-frame-duration 3000 --loop-delay 7000 --template window_frame" /dev/null
  exit
fi
exec {silence}<> <(:)
pause() { read -rt "$1" -u "$silence" || true; }  # starts no process, as sleep does
type_in() {
  printf '\033[32m$\033[0m '
  pause 0.5
  for ((i = 0; i < ${#1}; ++i)); do printf '%s' "${1:i:1}"; pause 0.04; done
  pause 0.3
  printf '\n'
  eval "$1" || true
  pause "${2:-1.5}"
}
type_in 'jobhost kernels pi.cpp'
type_in 'jobhost run pi.cpp:estimate_pi seed=1..2000 samples=20000 -o pi.csv' 1
type_in 'head -n 3 pi.csv'
type_in 'jobhost run root.cpp:square_root x=-1..2' 2
type_in 'jobhost errors' 3
