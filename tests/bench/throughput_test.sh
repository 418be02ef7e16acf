#!/usr/bin/env bash
# bench_train_throughput on a tiny random model: the same bits twice, losses of an untrained model, files for other
# programs, and mistakes in one line.
# usage: throughput_test.sh SOURCE_ROOT LORICA BENCH_TRAIN_THROUGHPUT
set -euo pipefail
root=$1 lorica=$2 program=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
fail() {
  echo "throughput_test: $1" >&2
  exit 1
}
"$lorica" init "$root/tests/data/golden/llama/config.json" "$place/model" --seed 5 >/dev/null
for number in 1 2; do
  "$program" "$place/model" --device cpu --precision f32 --lengths 20,12 --accumulation 2 --rank 4 --warmup 1 --steps 3 \
    --learning-rate 0.01 --write-batches "$place/batches$number" --write-adapter "$place/adapter$number" \
    --json "$place/$number.json" >"$place/$number.txt"
  sed -n '/"losses"/,$p' "$place/$number.json" >"$place/results$number"
done
cmp "$place/results1" "$place/results2" || fail "two runs differ"
cmp "$place/batches1" "$place/batches2" || fail "the batches of two runs differ"
[ -f "$place/adapter1/adapter_model.safetensors" ] || fail "no adapter"
# 4 steps of 2 micro-batches of 32 tokens
grep -qa '"ids":{"dtype":"I32","shape":\[8,32\]' "$place/batches1" || fail "batches of another shape"
grep -q '"tokens_a_step": 64' "$place/1.json" || fail "another number of tokens"
# weights this small say nothing: the loss is the logarithm of 131 tokens
python3 - "$place/1.json" <<'PYTHON' || fail "not the losses of an untrained model"
import json, math, sys
losses = json.load(open(sys.argv[1]))["losses"]
sys.exit(len(losses) != 4 or any(abs(loss - math.log(131)) > 0.05 for loss in losses) or len(set(losses)) != 4)
PYTHON
mistake() { # PATTERN ARGUMENTS...
  local pattern=$1
  shift
  if "$program" "$@" >/dev/null 2>"$place/err"; then fail "$*: no error"; fi
  [ "$(wc -l <"$place/err")" = 1 ] && grep -q "$pattern" "$place/err" || { cat "$place/err" && fail "$*: expected $pattern"; }
}
mistake "none/config.json: cannot open" "$place/none"
mistake "lengths" "$place/model" --lengths 1
mistake "steps" "$place/model" --steps 0
echo "throughput_test: all as expected"
