#!/usr/bin/env bash
# Runs a command in a copy of this system that is forgotten when it ends: whatever it installs or removes. As root only.
#   overlay.sh FOLDER COMMAND...     what is in FOLDER is found in the working directory of the command
set -euo pipefail
if [[ -z "${IN_OVERLAY:-}" ]]; then
  [[ $(id -u) -eq 0 ]] || { echo "only root may mount a copy of the system" >&2; exit 77; }
  IN_OVERLAY=1 exec unshare --mount --propagation private "$0" "$@"
fi
from=$1
shift
layers=$(mktemp -d)
mount -t tmpfs tmpfs "$layers"
mkdir "$layers"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" "$layers/root"
mount -t proc proc "$layers/root/proc"
mount --rbind /dev "$layers/root/dev"
mkdir "$layers/root/from"
cp -r "$from"/. "$layers/root/from"
status=0
chroot "$layers/root" env -C /from "$@" || status=$?
umount --lazy "$layers" && rmdir "$layers"
exit $status
