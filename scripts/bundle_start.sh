#!/bin/sh
# Starts a program of this folder, or a tool around one, with the CUDA libraries that the machine has.
# usage: ./start PROGRAM [ARGUMENT...]     e.g. ./start lorica info --device cuda
# LORICA_CUDA_LIBS (folders, separated by colons) is looked into first.
here=$(cd "$(dirname "$0")" && pwd)
program=$1
[ -n "$1" ] && [ -x "$here/bin/$1" ] && program="$here/bin/$1"
if [ $# -eq 0 ] || ! command -v "$program" >/dev/null; then
  echo "usage: $0 PROGRAM [ARGUMENT...], PROGRAM one of: $(cd "$here/bin" && echo *)" >&2
  exit 2
fi

# The folder of the first file that a pattern matches, in the order of the places.
places=$(echo "$LORICA_CUDA_LIBS" | tr ':' ' ')
for root in "$CUDA_HOME" "$CUDA_PATH" /usr/local/cuda /usr/local/cuda-*; do
  [ -n "$root" ] && places="$places $root/lib64"
done
places="$places /usr/lib/x86_64-linux-gnu"
packages=$(python3 -c 'import site, sys
print(" ".join(p for p in sys.path + [site.getusersitepackages()] if p.endswith("-packages")))' 2>/dev/null)
for root in $packages; do
  places="$places $root/nvidia/*/lib"
done

found=""
for library in libcublasLt.so libcudnn.so libcudart.so libnccl.so; do
  taken=""
  for place in $places; do
    for file in "$place/$library".[0-9]*; do
      [ -z "$taken" ] && [ -e "$file" ] && taken=$file
    done
  done
  echo "$library: ${taken:-not found}" >&2
  [ -n "$taken" ] && found="$found${found:+:}$(dirname "$taken")"
done

# Only where the programs look by themselves: on LD_LIBRARY_PATH these folders could hide the programs' own libraries.
LORICA_CUDA_LIBS=$found
export LORICA_CUDA_LIBS
shift
exec "$program" "$@"
