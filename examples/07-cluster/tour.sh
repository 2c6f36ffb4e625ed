#!/usr/bin/env bash
# A sweep for pi on Slurm: begun by one command, followed from another shell, cancelled, and finished on this machine.
# Where there is no cluster, tests/cluster/slurm.py starts a small real one for as long as this lasts:
#   tests/cluster/slurm.py -- examples/07-cluster/tour.sh
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
jobhost=${JOBHOST:-$root/build/release/bin/jobhost}
work=${WORK:-$root/build/cluster-tour}
rm -rf "$work" && mkdir -p "$work" && cd "$work"
export JOBHOST_STORE=$work/store
say() { printf '\n$ %s\n' "$*"; }

pi=$root/examples/01-pi/pi.cpp
say jobhost run pi.cpp:estimate_pi seed=1..2000 samples=20000 -b slurm -j 4 --slurm time=5 -o pi.csv
"$jobhost" run "$pi:estimate_pi" seed=1..2000 samples=20000 -b slurm -j 4 --slurm time=5 -o pi.csv
awk -F, 'NR > 1 { sum += $4 } END { printf "mean of %d estimates: %.5f\n", NR - 1, sum / (NR - 1) }' pi.csv

say jobhost submit pi.cpp:estimate_pi seed=1..1000000 samples=20000 -b slurm -j 4 --slurm time=5
"$jobhost" submit "$pi:estimate_pi" seed=1..1000000 samples=20000 -b slurm -j 4 --slurm time=5
squeue --format '%.10i %.9T %.9M %R %j'

say "jobhost attach @last    (in another shell)"
"$jobhost" attach @last -o attached.csv &
attached=$!
sleep 5
squeue --format '%.10i %.9T %.9M %R %j'

say jobhost cancel @last
"$jobhost" cancel @last
wait "$attached" || echo "attach ended with code $?"
for _ in $(seq 60); do [[ -z "$(squeue --noheader)" ]] && break; sleep 0.5; done
squeue

say "jobhost resume @last -b processes    (as long as we have patience)"
status=0
timeout --signal INT 5 "$jobhost" resume @last -b processes -o rest.csv || status=$?
[[ $status -eq 124 || $status -eq 130 ]]
"$jobhost" show @last
