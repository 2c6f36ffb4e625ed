#!/usr/bin/env bash
# Checks which folders of core may include which, and that one place owns each third-party library.
#   check_includes.sh [SRC]    core/src by default
# Prints every include that is not allowed and ends with 1 when there is one.
set -euo pipefail
src=${1:-$(dirname "$0")/../../core/src}
cd "$src"
declare -A may=(
  [base]=""
  [schema]="base"
  [bundle]="base schema"
  [store]="base schema"
  [plugin]="base schema"
  [context]="base schema"
  [worker]="base schema bundle store plugin context"
  [backend]="base store"
  [host]="base schema bundle store plugin context backend"
  [report]="base schema bundle store host"
  [cli]="base schema bundle store plugin context worker backend host report"
)
# header prefix -> folders
declare -A owner=(
  [nlohmann/]="schema bundle store cli"
  [spdlog/]="base"
  [CLI/]="cli"
  [fmt/]="cli report"
  [libelf]="plugin"
  [elfutils/]="plugin"
  [dwarf.h]="plugin"
  [openssl/]="base"
  [libsmartcols/]="report"
  [csv.h]="cli"
  [boost/]="worker"
  [tbb/]="worker"
)
bad=0
complain() { echo "$1: may not include <$2>"; bad=1; }
while IFS=: read -r file line; do
  file=${file#./}
  folder=${file%%/*}
  header=$(sed -E 's/^[^<"]*[<"]([^>"]*)[>"].*/\1/' <<<"$line")
  target=${header%%/*}
  if [[ -n ${may[$target]+known} && $header == */* ]]; then
    [[ $target == "$folder" || " ${may[$folder]} " == *" $target "* ]] || complain "$file" "$header"
  fi
  for prefix in "${!owner[@]}"; do
    [[ $header == "$prefix"* ]] || continue
    [[ " ${owner[$prefix]} " == *" $folder "* ]] || complain "$file" "$header"
    [[ $file == *.cpp ]] || complain "$file (a header)" "$header"
  done
done < <(grep -rE '^#include' --include='*.cpp' --include='*.hpp' . | sed -E 's/^([^:]*):/\1:/')
exit $bad
