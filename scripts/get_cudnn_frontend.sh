#!/usr/bin/env bash
# Gets the headers of cuDNN's frontend (their licence beside them) into build/cudnn_frontend, where the build finds them; `model.attention: cudnn` wants
# them and nothing else does. They come in a Python package, of which only the headers are kept.
# usage: scripts/get_cudnn_frontend.sh
set -euo pipefail
cd "$(dirname "$0")/.."
version=1.32.0
to=build/cudnn_frontend
[ "$(cat "$to/VERSION" 2>/dev/null)" = "$version" ] && exit 0

wheel=$(mktemp -d)
trap 'rm -rf "$wheel"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$wheel" "nvidia-cudnn-frontend==$version"
python3 -m zipfile -e "$wheel"/*.whl "$wheel/unpacked"
rm -rf "$to"
mkdir -p "$to"
cp -r "$wheel/unpacked/include" "$to/"
cp "$wheel"/unpacked/*.dist-info/licenses/LICENSE* "$to/" 2>/dev/null || true
echo "$version" >"$to/VERSION"
