#!/usr/bin/env bash
# Keeps the headers of this version, and what jobhost-scan makes of kernels.cpp, for the tests of later ones.
#   freeze.sh FOLDER    for example tests/golden/abi2, where kernels.cpp and program.cpp are
set -euo pipefail
source=$(realpath "$(dirname "$0")/../..")
scan=$source/build/release/libexec/jobhost/jobhost-scan
cd "$1"
rm -rf include
mkdir include
cp -r "$source"/plugin_sdk/include/jobhost include/
cp -r "$source"/core/include/jobhost include/
cp "$source"/plugin_sdk/cmake/program_{module,stub}.cpp .
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp kernels.cpp program.cpp "$work"
cd "$work"  # outside of a repository: sources are of no commit
g++ -std=gnu++20 -E -C kernels.cpp -o kernels.ii
"$scan" --exports exports --source kernels.cpp --preprocessed kernels.ii --output glue.cpp
"$scan" --origin origin.cpp --source program.cpp
cp exports glue.cpp origin.cpp "$OLDPWD"
