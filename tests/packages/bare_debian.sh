#!/usr/bin/env bash
# A newcomer's first ten minutes on a bare Debian 12: what README says under "Install" about packages and under "First job",
# word by word, until its report is open in a browser. Timed; needs root, mmdebstrap, chromium and a mirror of Debian.
#   bare_debian.sh BUILD [MIRROR]
set -euo pipefail
if [[ -z "${IN_NAMESPACE:-}" ]]; then IN_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"; fi
build=$1
mirror=${2:-http://deb.debian.org/debian}
readme=$(dirname "$0")/../../README.md
limit=600
install=$(grep '^apt install' "$readme")
first_job=$(sed -n '/^## First job/,/^## Use it/s/^\$ //p' "$readme")
[[ $(wc -l <<<"$install") -eq 1 && $(wc -l <<<"$first_job") -eq 3 ]] || { echo "README has other steps now" >&2; exit 1; }

work=$(mktemp -d)
home=$work/system/root
trap 'umount --quiet "$work/system/proc" || true; rm -rf "$work"' EXIT
(cd "$build" && cpack -G DEB -B "$work/packages" >"$work/cpack.txt" 2>&1) || { cat "$work/cpack.txt"; exit 1; }
mmdebstrap --variant=apt --quiet bookworm "$work/system" "$mirror"
mount -t proc proc "$work/system/proc"
echo 'APT::Get::Assume-Yes "true";' >"$work/system/etc/apt/apt.conf.d/yes"
mkdir -p "$home/build/release"
cp "$work"/packages/*.deb "$home/build/release"

SECONDS=0
as_newcomer() {
  echo "\$ $1"
  chroot "$work/system" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    bash -c "cd && $1" >"$work/said.txt" 2>&1 || { cat "$work/said.txt"; exit 1; }
}
as_newcomer 'apt update'
as_newcomer "$install"
echo "installed after $SECONDS s"
while read -r command; do
  as_newcomer "$command"
  cat "$work/said.txt"
done <<<"$first_job"
chromium --headless --no-sandbox --disable-gpu --virtual-time-budget=3000 --dump-dom "file://$home/demo.html" \
  >"$work/page.html" 2>/dev/null
grep -m1 -o 'All 61 tasks succeeded' "$work/page.html"
echo "the report is open after $SECONDS s"
[[ $SECONDS -lt $limit ]]
