#!/usr/bin/env bash
# bench/gpu_check.sh with stand-ins for the GPU's tools and the programs: what it runs, writes, and exits with.
# usage: gpu_check_test.sh SOURCE_ROOT
set -euo pipefail
root=$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
check=$place/bundle/bench/gpu_check.sh
mkdir -p "$place/bundle/bin" "$place/bundle/bench" "$place/bundle/data/golden/llama" "$place/tools"
cp -r "$root/bench/gpu_check.sh" "$root/bench/compare_torch_gpu.py" "$root/bench/configs" "$place/bundle/bench"
touch "$place/bundle/data/golden/llama/golden.safetensors"
echo abc1234 >"$place/bundle/COMMIT"

stand_in() { # PATH BODY
  printf '#!/usr/bin/env bash\n%s\n' "$2" >"$1"
  chmod +x "$1"
}
fail() {
  echo "gpu_check_test: $1" >&2
  exit 1
}
# run WANTED_CODE ARGUMENTS...: stdout in $place/stdout, stderr in $place/stderr
run() {
  local wanted=$1 code=0
  shift
  rm -rf "$place/out"
  PATH=$place/tools:$PATH PYTHON=$place/tools/python "$check" --out "$place/out" "$@" >"$place/stdout" 2>"$place/stderr" || code=$?
  [ "$code" = "$wanted" ] || { cat "$place/stderr" && fail "$*: expected exit $wanted, got $code"; }
}
has() { grep -qF -- "$2" "$place/$1" || { cat "$place/$1" && fail "$1: expected '$2'"; }; }
has_not() { if grep -qF -- "$2" "$place/$1"; then fail "$1: did not expect '$2'"; fi; }
one_line() { [ "$(wc -l <"$place/stderr")" = 1 ] && has stderr "$1"; }

good_programs() {
  stand_in "$place/bundle/bin/lorica" '[ "$1" = init ] && mkdir -p "$3"; echo "lorica $*"'
  stand_in "$place/bundle/bin/bench_kernels" 'echo "| rms_norm | fast |"'
  stand_in "$place/bundle/bin/bench_train_throughput" '
while [ $# -gt 0 ]; do [ "$1" = --json ] && printf "{\n \"seconds\": [$RANDOM],\n \"losses\": [1.5],\n \"gradient_norms\": [0.25]\n}\n" >"$2"; shift; done
echo "123.4 tokens/s"'
  stand_in "$place/bundle/bin/cuda_test" '
[ -z "$LORICA_TEST_ATTENTION" ] || { echo "[  PASSED  ] 5 tests by $LORICA_TEST_ATTENTION."; exit 0; }
case "$*" in *list_tests*) printf "RmsNorm.\n  Values\nSizes/Rope.\n  Values/0\nWithCudnn.\n  Values\n" ;; *) echo "[  PASSED  ] 3 tests." ;; esac'
  stand_in "$place/tools/compute-sanitizer" 'echo "========= ERROR SUMMARY: 0 errors"'
}

stand_in "$place/tools/nvidia-smi" 'exit 9'
good_programs
run 2
one_line "gpu_check.sh: no GPU"
[ ! -e "$place/out" ] || fail "a folder was made without a GPU"

stand_in "$place/tools/nvidia-smi" '
case "$*" in *memory.free*) echo 140000 ;; *query-gpu=name*) echo "Stand-in GPU" ;; *) echo "Driver 1" ;; esac'
stand_in "$place/tools/python" 'case "$1" in -c) exit 1 ;; esac'
run 2 --speed 3 && one_line "unknown option '--speed'"
run 2 --minutes soon && one_line "--minutes: expected a whole number from 1, got 'soon'"
run 2 --sections tests,lunch && one_line "unknown section 'lunch'"
run 2 --configs gpt5 && one_line "configs/gpt5.json"
run 2 --minutes && one_line "--minutes: expected a value"

run 0 --dry-run
[ ! -e "$place/out" ] || fail "a dry run wrote something"
has stdout "cuda_test"
has stdout "--tool racecheck"
has stdout "compare_torch_gpu.py"
has stdout "bench_kernels --device cuda"

run 0
has out/machine.md "Driver 1"
has out/tests.md "3 tests."
has out/tests.md "Stand-in GPU, commit abc1234"
has out/parity.md "| llama | f32 | auto | 1e-3 | agrees |"
has out/parity.md "| llama | bf16 | auto | 1e-1 | agrees |"
has out/parity.md "| llama | bf16 | cudnn | 1e-1 | agrees |"
has out/tests.md "5 tests by cudnn."
has out/same_bits.md "the same bits"
has out/kernels.md "| rms_norm | fast |"
for tool in memcheck racecheck synccheck; do
  has out/sanitizer.md "| $tool | RmsNorm | clean |"
  has out/sanitizer.md "| $tool | Sizes/Rope | clean |"
done
has_not out/sanitizer.md "WithCudnn"
has out/throughput.md "lorica alone"
has out/throughput.md "## llama-3.1-8b"
has out/throughput.md "123.4 tokens/s"
has out/summary.md "Nothing failed."

# PyTorch is there: the comparison runs, and its loss that disagrees counts
stand_in "$place/tools/python" 'case "$1" in -c) exit 0 ;; *) echo "ran $1"; exit "${COMPARE:-0}" ;; esac'
run 0 --sections throughput --configs smollm2-135m,qwen3-8b
has out/throughput.md "compare_torch_gpu.py"
has_not out/throughput.md "## llama-3.1-8b"
COMPARE=1 run 1 --sections throughput --configs smollm2-135m
has out/summary.md "FAILED throughput: smollm2-135m"

# a model that does not fit is left out and said to be
stand_in "$place/tools/nvidia-smi" 'case "$*" in *memory.free*) echo 24000 ;; *) echo "Small GPU" ;; esac'
run 0 --sections throughput --configs smollm2-135m,qwen3-8b
has out/throughput.md "Skipped: 24 GB free on the card"
has out/throughput.md "ran $place/bundle/bench/compare_torch_gpu.py"

# one failure after the other: each is named, and what comes after still runs
stand_in "$place/bundle/bin/lorica" '[ "$1" = init ] && mkdir -p "$3"; [ "$1" != parity ] || { echo "logits 0.5 ABOVE"; exit 1; }'
run 1
has out/summary.md "FAILED parity: llama in f32"
has out/summary.md "FAILED parity: llama in bf16"
has out/kernels.md "| rms_norm | fast |"
stand_in "$place/bundle/bin/lorica" '[ "$1" = init ] && mkdir -p "$3"; [ "$1" != parity ] || { echo "lora.train.final.* 0.5 ABOVE"; exit 1; }'
run 1 --sections parity
has out/summary.md "FAILED parity: llama in f32"
has out/parity.md "| llama | bf16 | auto | 1e-1 | agrees |"
# cuDNN is not there: said, and no failure; it is there and wrong: a failure
stand_in "$place/bundle/bin/lorica" 'case "$*" in *cudnn*) echo "lorica: --attention: cuda: libcudnn.so.9 was not found"; exit 2 ;; esac'
run 0 --sections parity
has out/parity.md "| llama | bf16 | cudnn | 1e-1 | left out: lorica: --attention: cuda: libcudnn.so.9 was not found |"
stand_in "$place/bundle/bin/lorica" 'case "$*" in *cudnn*) echo "logits 0.5 ABOVE"; exit 1 ;; esac'
run 1 --sections parity
has out/summary.md "FAILED parity: llama in bf16, attention cudnn"
good_programs
stand_in "$place/bundle/bin/cuda_test" '[ -z "$LORICA_TEST_ATTENTION" ] || { echo "[  FAILED  ] 2 tests"; exit 1; }'
run 1 --sections tests
has out/summary.md "FAILED tests: attention by cuDNN"
good_programs
stand_in "$place/tools/compute-sanitizer" '[ "$2" != racecheck ] || { echo "ERROR SUMMARY: 1 hazard"; exit 9; }'
run 1 --sections sanitizer,kernels
has out/sanitizer.md "| racecheck | RmsNorm | exit 9: ERROR SUMMARY: 1 hazard |"
has out/sanitizer.md "| memcheck | RmsNorm | clean |"
has out/kernels.md "| rms_norm | fast |"
good_programs
stand_in "$place/bundle/bin/bench_train_throughput" 'printf "{\n \"losses\": [$RANDOM$RANDOM]\n}\n" >"${@: -1}"'
run 1 --sections same_bits
has out/same_bits.md "DIFFER"
good_programs
stand_in "$place/bundle/bin/bench_kernels" 'echo "| rms_norm | WRONG |"; exit 1'
stand_in "$place/bundle/bin/cuda_test" 'echo "[  FAILED  ] 1 test"; exit 1'
run 1 --sections tests,kernels
has out/summary.md "FAILED tests"
has out/summary.md "FAILED kernels"
rm "$place/bundle/bin/cuda_test"
run 2 && one_line "bin/cuda_test: no such program"
# by the start script of a bundle
good_programs
stand_in "$place/bundle/start" 'echo started >>"'"$place"'/started"; exec "$@"'
run 0 --configs smollm2-135m
[ "$(wc -l <"$place/started")" -gt 10 ] || fail "the programs did not go through the start script"
echo "gpu_check_test: all as expected"
