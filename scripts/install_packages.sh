#!/usr/bin/env bash
# Installs what building and testing Lorica needs, where it is missing. Debian 12 and newer, Ubuntu 22.04 and newer.
# usage: scripts/install_packages.sh build|test|peers
set -euo pipefail

build="build-essential cmake ninja-build pkg-config ccache libdnnl-dev libyaml-cpp-dev nlohmann-json3-dev libfmt-dev
  libcli11-dev libpcre2-dev libutf8proc-dev libxxhash-dev libcurl4-openssl-dev libssl-dev zlib1g-dev libzstd-dev python3
  python3-pip ca-certificates"
test="$build libgtest-dev libbenchmark-dev libboost-context-dev clang-format time"
peers="$test python3-venv"

case "${1:-build}" in
  build) wanted=$build ;;
  test) wanted=$test ;;
  peers) wanted=$peers ;;
  *) echo "usage: $0 build|test|peers" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "This system has no dpkg. Install these (Debian's names) with its own package manager:" >&2
  echo $wanted >&2
  exit 1
fi

missing=""
for package in $wanted; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "Run this as root, or install:$missing" >&2; exit 1; }
  as_root=sudo
fi
echo "installing:$missing"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
