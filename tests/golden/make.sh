#!/usr/bin/env bash
# Makes golden jobs anew, with the jobhost that is built here, and what it says of them.
#   make.sh FOLDER    for example tests/golden/format2
# Needs root: host name and boot id are neutral ones in namespaces of its own, and paths begin with /tmp/golden.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
if [[ "${2:-}" != --inside ]]; then
  mkdir -p "$1"
  unshare --uts --mount "$0" "$(realpath "$1")" --inside
  for job in "$1"/*/; do  # as on any other machine
    python3 "$here/looks.py" "$here/../../build/release/bin/jobhost" "$job" >"${job%/}.txt"
  done
  exit
fi
work=/tmp/golden
hostname golden
rm -rf $work
mkdir -p $work/cache
echo 00000000-0000-4000-8000-000000000000 >$work/boot_id
mount --bind $work/boot_id /proc/sys/kernel/random/boot_id
cmake --install "$here/../../build/release" --prefix $work/jobhost >/dev/null
export PATH=$work/jobhost/bin:$PATH XDG_CACHE_HOME=$work/cache JOBHOST_STORE=$work/store HOME=$work/cache
cd $work
cp "$here"/*.cpp .
jobhost build kernels.cpp --cxxflags='-Os -g0' --link -Wl,-z,noseparate-code,-s -o kernels.so
jobhost build failing.cpp --cxxflags='-O1 -g1' --link -Wl,-z,noseparate-code -o failing.so
jobhost build crashing.cpp --cxxflags='-O1 -g1' --link -Wl,-z,noseparate-code -o crashing.so

keep() {  # NAME: the last job under that name
  cp -r "$JOBHOST_STORE/$(ls -t "$JOBHOST_STORE" | head -1)" "$folder/$1"
  rm -rf "$JOBHOST_STORE"
}
folder=$1
make() {  # NAME WORDS...: a job that runs to its end
  jobhost run --quiet -j1 "${@:2}" >/dev/null || [[ $? == 1 ]]
  keep "$1"
}
printf '{"word": "a", "times": 3}\n{"word": "\u00e4\\n", "times": 0}\n{"word": "", "times": 1}\n' >words.jsonl
make fixed kernels.so:inc x=40,41,42 --chunk 1
make varying kernels.so:repeat --jsonl words.jsonl --name 'texts of their own size'
make recipes kernels.so:mix a=1..3 b=0..0.5..0.25 --linspace c=-1:1:2 --seed 7 --set offset=100
make failures failing.so:divide a=-7,7 b=0..2 -o rows.csv
make crash crashing.so:peek address=0..3 --retries 1

# A worker that was killed while it wrote: its last frame is not complete.
jobhost submit --quiet kernels.so:endless x=1..6 -j1 --chunk 1 >/dev/null
log() { find "$JOBHOST_STORE" -path '*/logs/*' -name '*.0.0'; }
for _ in {1..200}; do  # until four tasks are in the log of the lane
  [[ -n "$(log)" && $(stat -c %s "$(log)") -ge $((64 + 4 * 72)) ]] && break
  sleep 0.05
done
kill -KILL "$(grep -h '"worker"' "$JOBHOST_STORE"/*/workers/*/*.id | grep -o '"pid": *[0-9]*' | tr -dc 0-9)"
sleep 0.2
truncate -s -5 "$(log)"
keep unfinished
rm -rf $work
