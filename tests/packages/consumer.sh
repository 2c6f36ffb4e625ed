#!/usr/bin/env bash
# Uses jobhost as it is installed from its packages, which lie here beside the example of programs.
set -euo pipefail
export JOBHOST_STORE=$PWD/store DEBIAN_FRONTEND=noninteractive
expect() {  # WANTED COMMAND...
  local wanted=$1 got
  shift
  got=$("$@" 2>error.txt) || { echo "$*: exit code $?"; cat error.txt; exit 1; }
  [[ "$got" == *"$wanted"* ]] || { printf '%s: wanted %q in %q\n' "$*" "$wanted" "$got"; exit 1; }
}
dpkg -i ./*.deb

echo "a source file alone"
expect "jobhost $VERSION" jobhost --version
jobhost new demo
expect '"result": 1.0725942072745727}' jobhost run demo/demo.cpp:demo x=1 n=20

echo "a project with find_package"
cmake -S demo -B demo/b -DCMAKE_BUILD_TYPE=Release >cmake.txt || { cat cmake.txt; exit 1; }
cmake --build demo/b >cmake.txt || { cat cmake.txt; exit 1; }
expect '"result": 1.0725942072745727}' jobhost run demo/b/demo.so:demo x=1 n=20 -b threads
printf 'cmake_minimum_required(VERSION 3.20)\nproject(old CXX)\nfind_package(jobhost 99)\n' >demo/CMakeLists.txt
cmake -S demo -B demo/old >cmake.txt 2>&1
grep -q "requested version.*99" cmake.txt || { cat cmake.txt; exit 1; }

echo "programs without CMake"
make -C program all >make.txt || { cat make.txt; exit 1; }
expect "computed here it is the same" program/resonance_table
readelf -d program/resonance | grep -q "NEEDED.*libjobhost.so.$SO_VERSION\]"

echo "what came along"
man -w jobhost >where.txt
man -w jobhost-run >>where.txt
expect '"result"' jobhost run /usr/lib/jobhost/integration.so:ball_volume dimension=3 samples=100 seed=1
expect gridengine jobhost run --help
jobhost run demo/demo.cpp:demo x=0..1 n=20 -o demo.h5
[[ "$(head -c 4 demo.h5)" == *HDF* ]]
jobhost report @last -o demo.html
expect run bash -c 'source /usr/share/bash-completion/completions/jobhost
  COMP_LINE="jobhost ru" COMP_POINT=10; _jobhost; printf "%s\n" "${COMPREPLY[@]}"'

echo "removed"
dpkg -L jobhost jobhost-hdf5 "libjobhost$SO_VERSION" libjobhost-dev | grep -E '/.*jobhost' >files.txt
dpkg --purge jobhost jobhost-hdf5 "libjobhost$SO_VERSION" libjobhost-dev
while read -r file; do
  [[ ! -e "$file" ]] || { echo "left behind: $file"; exit 1; }
done <files.txt
