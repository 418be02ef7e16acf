#!/usr/bin/env bash
# Makes a relocatable folder of built programs with the shared libraries that a bare CUDA machine lacks, and FOLDER.tar.gz, which
# is what travels.
# usage: scripts/make_bundle.sh FOLDER PROGRAM...
# glibc, the driver and CUDA's libraries stay out: the machine has the first two, and start looks for the third.
set -euo pipefail
folder=$1; shift
source=$(cd "$(dirname "$0")/.." && pwd)
limit_mb=60

rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib"
for program in "$@"; do
  strip -o "$folder/bin/$(basename "$program")" "$program"
done

# everything that the programs load, except glibc's own
ldd "$folder"/bin/* | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  grep -Ev '/(libc|libm|libdl|libpthread|librt|libutil|libresolv|ld-linux-x86-64|libcuda|libcublas[A-Za-z]*|libcud[a-z]+|libnccl|libnv[A-Za-z-]*)\.so' |
  while read -r library; do strip -o "$folder/lib/$(basename "$library")" "$(readlink -f "$library")"; done

cp "$source/scripts/bundle_start.sh" "$folder/start"
mkdir -p "$folder/tests/data/golden" "$folder/bench"
cp -r "$source"/tests/data/golden/{llama,gpt2} "$folder/tests/data/golden/"
[ -f "$source/bench/gpu_check.sh" ] && cp "$source/bench/gpu_check.sh" "$folder/bench/"
[ -d "$source/bench/configs" ] && cp -r "$source/bench/configs" "$folder/bench/"
find "$source/bench" -maxdepth 1 -name '*.py' -exec cp {} "$folder/bench/" \;
cp -r "$source/recipes" "$folder/recipes"
find "$folder/recipes" -type f ! -name '*.yaml' -delete

git -C "$source" rev-parse --short HEAD >"$folder/COMMIT" 2>/dev/null || echo unknown >"$folder/COMMIT"

glibc=$(objdump -T "$folder"/bin/* "$folder"/lib/* | grep -o 'GLIBC_2\.[0-9]*' | sort -t. -k2 -n | tail -1)
tar -C "$(dirname "$folder")" -czf "$folder.tar.gz" "$(basename "$folder")"
size_kb=$(du -sk "$folder.tar.gz" | cut -f1)
echo "$folder.tar.gz: $((size_kb / 1024)) MB, unpacked $(du -sm "$folder" | cut -f1) MB, needs ${glibc/_/ } or newer"
if [ "$size_kb" -gt $((limit_mb * 1024)) ]; then
  echo "$folder.tar.gz: larger than $limit_mb MB; unpacked:" >&2
  du -k "$folder"/bin/* "$folder"/lib/* "$folder/tests" | sort -rn | head >&2
  exit 1
fi

# It starts, also after it was moved.
moved=$(mktemp -d)
trap 'rm -rf "$moved"' EXIT
cp -r "$folder" "$moved/elsewhere"
env -u LD_LIBRARY_PATH "$moved/elsewhere/start" lorica --version
# Where there is no GPU it says so in one line.
said=$(env -u LD_LIBRARY_PATH "$moved/elsewhere/start" lorica info --device cuda 2>&1 || true)
echo "$said"
grep -q 'device: cuda: ' <<<"$said"
