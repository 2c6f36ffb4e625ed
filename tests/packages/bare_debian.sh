#!/usr/bin/env bash
# A newcomer's first ten minutes on a bare Debian 12, as README has them: installs the packages with all that they depend
# on, begins a project, runs it, and opens its report. Timed; needs root, mmdebstrap, chromium and a mirror of Debian.
#   bare_debian.sh BUILD [MIRROR]
set -euo pipefail
if [[ -z "${IN_NAMESPACE:-}" ]]; then IN_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"; fi
build=$1
mirror=${2:-http://deb.debian.org/debian}
work=$(mktemp -d)
trap 'umount "$work/system/proc"; rm -rf "$work"' EXIT
(cd "$build" && cpack -G DEB -B "$work/packages" >/dev/null 2>&1)
mmdebstrap --variant=apt --quiet bookworm "$work/system" "$mirror"
mount -t proc proc "$work/system/proc"
mkdir "$work/system/root/packages"
cp "$work"/packages/*.deb "$work/system/root/packages"
SECONDS=0
chroot "$work/system" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive bash -euc '
  cd
  apt-get -qq update
  apt-get -qq install --yes ./packages/*.deb >/dev/null 2>&1
  echo "installed after $SECONDS s"
  jobhost new demo
  jobhost run demo/demo.cpp:demo x=0..6..0.1 n=20 -o demo.csv
  tail -n 1 demo.csv
  jobhost report @last -o demo.html
'
chromium --headless --no-sandbox --disable-gpu --virtual-time-budget=3000 --dump-dom "file://$work/system/root/demo.html" \
  2>/dev/null | grep -o 'All 61 tasks succeeded'
echo "ready after $SECONDS s"
