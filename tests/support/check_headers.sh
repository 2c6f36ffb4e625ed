#!/usr/bin/env bash
# Compiles every public header alone. sdk/cereal.hpp is meant to follow cereal's own headers.
set -euo pipefail
cd "$(dirname "$0")/../.."
find core/include plugin_sdk/include -name '*.hpp' ! -name cereal.hpp -o -name '*.h' | sort |
  xargs -P2 -I{} "${CXX:-g++}" -std=c++20 -Wall -Wextra -Wshadow -Werror -fsyntax-only -Icore/include \
    -Iplugin_sdk/include -include {} -x c++ /dev/null
echo "headers: fine"
