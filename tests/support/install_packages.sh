#!/usr/bin/env bash
# Installs what a bare Debian 12 lacks for building jobhost; with --tests also what its tests and checks
# need, with --bench what its benchmarks are compared with.
set -euo pipefail
packages=(g++ cmake ninja-build ccache dpkg-dev file pkg-config libboost-dev libtbb-dev libspdlog-dev libfmt-dev libcli11-dev
  nlohmann-json3-dev libcpp-httplib-dev librandom123-dev libcsv-dev libelf-dev libdw-dev libssl-dev libsmartcols-dev
  libhdf5-dev libmuparser-dev)
if [[ "${1:-}" == --tests ]]; then
  packages+=(tzdata libfuse3-dev fuse3 catch2 libcereal-dev libeigen3-dev libgsl-dev gnuplot-nox python3 gdb fish zsh binutils git clang libclang-rt-14-dev clang-format clang-tidy
    slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge libpmix2 openmpi-bin mpich iproute2
    gridengine-master gridengine-exec gridengine-client lintian make man-db python3-numpy python3-pandas
    python3-xarray python3-h5netcdf python3-netcdf4 jq python3-sphinx python3-myst-parser furo nodejs chromium)
  command -v npm >/dev/null || packages+=(npm)  # others than Debian's nodejs bring it
fi
if [[ "${1:-}" == --bench ]]; then
  packages+=(libbenchmark-dev libopenmpi-dev openmpi-bin python3-numpy python3-mpi4py python3-joblib python3-dask
    python3-distributed parallel gawk)
fi
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0
echo "installing: ${missing[*]}"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "run as root, or install sudo: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
