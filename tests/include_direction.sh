#!/usr/bin/env bash
# Fails when a folder includes one that stands above it: cli -> recipes -> {optim, io} -> engine -> kernels.
set -euo pipefail
cd "${1:-.}"
bad=0
forbid() { # FOLDER PATTERN
  if grep -rnE "^#include \"($2)/" "$1" --include='*.h' --include='*.cpp' --include='*.cu' --include='*.cuh'; then
    echo "include direction: $1 must not include ($2)"
    bad=1
  fi
}
forbid kernels 'engine|optim|io|recipes|cli|tests|bench'
forbid engine 'optim|io|recipes|cli|tests|bench'
forbid optim 'io|recipes|cli|tests|bench'
forbid io 'optim|recipes|cli|tests|bench'
forbid recipes 'cli|tests|bench'
forbid cli 'tests|bench'
exit $bad
