#!/usr/bin/env bash
# Everything that only a GPU can show, in one command, from the bundle or a build tree: parity of every op and of whole
# models, compute-sanitizer, two runs with the same bits, the table of kernels, and training throughput beside PyTorch + PEFT.
#
# usage: gpu_check.sh [--out DIR] [--bin DIR] [--minutes N] [--sections LIST] [--configs LIST] [--rounds N] [--steps N]
#                     [--sanitizer-filter GTEST_FILTER] [--dry-run]
#
#   --out        where the tables go, one .md a section, with logs beside them (default: $OUT, or gpu_check)
#   --bin        folder of the programs (default: bin/ of the bundle, beside this script's folder)
#   --minutes    time for everything (default 60); what no longer fits is skipped, and said to be
#   --sections   of: machine tests parity same_bits kernels sanitizer throughput (default: all, in this order)
#   --configs    of bench/configs (default: all, small ones first)
#   --dry-run    prints the commands and runs none
#
# A section that fails does not stop the next. Exit 0 when all went well, 1 when an op, a model, the bits, the sanitizer or a loss is
# wrong, 2 when there is no GPU or the call is wrong. PYTHON names the Python that has PyTorch, Transformers and PEFT.
# shellcheck disable=SC2317  # sections are called by their names
set -uo pipefail
PATH=$PATH:/usr/local/cuda/bin

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out=${OUT:-gpu_check} bin=$root/bin minutes=60 rounds=2 steps=20 dry_run='' sanitizer_filter='*'
sections="machine tests parity same_bits kernels sanitizer throughput"
configs="smollm2-135m qwen2.5-0.5b qwen3-0.6b llama-3.2-1b qwen2.5-1.5b qwen3-1.7b qwen3-8b llama-3.1-8b"
python=${PYTHON:-python3}

usage_error() {
  echo "gpu_check.sh: $1" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=1 && shift && continue ;;
    --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
    --out | --bin | --minutes | --sections | --configs | --rounds | --steps | --sanitizer-filter) ;;
    *) usage_error "unknown option '$1'; --help lists them" ;;
  esac
  [ $# -ge 2 ] || usage_error "$1: expected a value"
  name=${1#--}
  printf -v "${name//-/_}" '%s' "$2"
  shift 2
done
sections=${sections//,/ } configs=${configs//,/ }
for number in minutes rounds steps; do
  [[ ${!number} =~ ^[1-9][0-9]*$ ]] || usage_error "--$number: expected a whole number from 1, got '${!number}'"
done
for section in $sections; do
  case $section in
    machine | tests | parity | same_bits | kernels | sanitizer | throughput) ;;
    *) usage_error "--sections: unknown section '$section'" ;;
  esac
done
for config in $configs; do
  [ -f "$here/configs/$config.json" ] || usage_error "--configs: no file '$here/configs/$config.json'"
done

if [ -z "$dry_run" ]; then
  gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)
  [ -n "$gpu" ] || usage_error "no GPU: nvidia-smi is not there or lists none"
  for program in lorica bench_kernels bench_train_throughput cuda_test; do
    [ -x "$bin/$program" ] || usage_error "$bin/$program: no such program"
  done
  mkdir -p "$out" || usage_error "$out: cannot make the folder"
  out=$(cd "$out" && pwd)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
else
  gpu="(dry run)" work=WORK
fi
commit=$(cat "$root/COMMIT" 2>/dev/null || git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)
start=()
[ -x "$root/start" ] && start=("$root/start")
deadline=$((SECONDS + 60 * minutes))
failed=()

say() { echo "gpu_check: $*" >&2; }
fails() { # SECTION WHAT
  failed+=("$1: $2")
  say "FAILED: $1: $2"
}
seconds_left() { echo $((deadline - SECONDS)); }

# begin TABLE TITLE: a new table that says what it is of.
begin() {
  table=$out/$1.md
  [ -n "$dry_run" ] && return
  printf '# %s\n\n%s, commit %s, %s\n\n' "$2" "$gpu" "$commit" "$(date -u +%Y-%m-%d)" >"$table"
}
line() { if [ -z "$dry_run" ]; then echo "$*" >>"$table"; fi; }
command_line() { line "    ${*//$work/WORK}"; }

# run LOG SECONDS COMMAND...: the command under a time limit, all its output in $out/LOG.log; 124 when time ran out.
run() {
  local log=$1 limit=$2
  shift 2
  if [ -n "$dry_run" ]; then
    printf '%q ' "$@" && echo
    return 0
  fi
  local left
  left=$(seconds_left)
  [ "$left" -lt "$limit" ] && limit=$left
  [ "$limit" -gt 0 ] || return 124
  timeout --kill-after=10 "$limit" "$@" >"$out/$log.log" 2>&1
}
lorica_run() { # LOG SECONDS PROGRAM ARGUMENTS...
  local log=$1 limit=$2 program=$3
  shift 3
  run "$log" "$limit" "${start[@]}" "$bin/$program" "$@"
}
last_line() { tail -n 1 "$out/$1.log" 2>/dev/null | tr '|' '/'; }

section_machine() {
  begin machine "Machine"
  for command in "nvidia-smi" "nvcc --version" "compute-sanitizer --version" "uname -srm" "nproc" "free -g" \
    "${start[*]} $bin/lorica --version" \
    "$python -c 'import torch, transformers, peft; print(torch.__version__, transformers.__version__, peft.__version__)'"; do
    line "    $command"
    run machine 60 bash -c "$command" || line "(not there)"
    if [ -z "$dry_run" ]; then sed 's/^/    /' "$out/machine.log" >>"$table"; fi
    line ""
  done
}

section_tests() {
  begin tests "Every op against the double reference, on the card"
  command_line cuda_test
  lorica_run tests 1200 cuda_test --gtest_brief=1
  local code=$?
  [ -n "$dry_run" ] && return
  line ""
  grep -E '^\[ +(PASSED|FAILED|SKIPPED) +\]' "$out/tests.log" | sed 's/^/    /' >>"$table"
  [ "$code" -eq 0 ] || fails tests "exit $code (124: out of time), see tests.log"
  line ""
  line "Attention by cuDNN, where it is there:"
  line ""
  line '    LORICA_TEST_ATTENTION=cudnn cuda_test --gtest_filter=Attention.*'
  line ""
  LORICA_TEST_ATTENTION=cudnn lorica_run tests_cudnn 600 cuda_test --gtest_brief=1 '--gtest_filter=Attention.*'
  code=$?
  [ -n "$dry_run" ] && return
  { grep -E 'on_cuda.cpp:[0-9]+: Skipped' -A 1 "$out/tests_cudnn.log" | tail -n 1
    grep -E '^\[ +(PASSED|FAILED|SKIPPED) +\]' "$out/tests_cudnn.log"; } | sed 's/^/    /' >>"$table"
  [ "$code" -eq 0 ] || fails tests "attention by cuDNN: exit $code (124: out of time), see tests_cudnn.log"
}

section_parity() {
  begin parity "Whole models against recorded logits, losses and gradients, on the card"
  command_line "lorica parity MODEL MODEL/golden.safetensors --device cuda --precision PRECISION --tolerance TOLERANCE --attention ATTENTION"
  line ""
  line "In bf16 the ten steps of AdamW and the generated tokens are left out: they divide by tiny gradients, or pick by a hair."
  line ""
  line "| model | precision | attention | tolerance | result |"
  line "|---|---|---|---|---|"
  local found='' folder model
  for folder in "$root"/data/golden/*/ "$root"/tests/data/golden/*/; do
    [ -f "${folder}golden.safetensors" ] || continue
    found=1
    model=$(basename "$folder")
    parity_of "$model" "$folder" f32 1e-3 '^$'
    parity_of "$model" "$folder" bf16 1e-1 '^(lora\.train\.|greedy)'
    parity_of "$model" "$folder" bf16 1e-1 '^(lora\.train\.|greedy)' cudnn
  done
  [ -n "$found" ] || fails parity "no golden models beside the programs"
}

# parity_of MODEL FOLDER PRECISION TOLERANCE EXCUSED [ATTENTION]: lines of the report that fit EXCUSED may be above the
# tolerance. Without cuDNN a row about it says so.
parity_of() {
  local attention=${6:-auto} code wrong
  local log=parity_$1_$3_$attention
  lorica_run "$log" 120 lorica parity "$2" "${2}golden.safetensors" --device cuda --precision "$3" --tolerance "$4" \
    --attention "$attention"
  code=$?
  [ -n "$dry_run" ] && return
  wrong=$(grep -E 'ABOVE|DIFFERENT' "$out/$log.log" | grep -cvE "$5")
  if [ "$code" -eq 0 ] || { [ "$code" -eq 1 ] && [ "$wrong" -eq 0 ] && grep -qE 'ABOVE|DIFFERENT' "$out/$log.log"; }; then
    line "| $1 | $3 | $attention | $4 | agrees |"
  elif [ "$code" -eq 2 ] && grep -q -- '--attention: ' "$out/$log.log"; then
    line "| $1 | $3 | $attention | $4 | left out: $(last_line "$log") |"
  else
    line "| $1 | $3 | $attention | $4 | exit $code: $(last_line "$log") |"
    fails parity "$1 in $3, attention $attention, see $log.log"
  fi
}

# model_of CONFIG: the random model of that shape, written once; empty when it cannot be.
model_of() {
  local config=$1 folder=$work/$1
  if [ ! -d "$folder" ]; then
    lorica_run "init_$config" 600 lorica init "$here/configs/$config.json" "$folder" --seed 1 >&2 || return 1
  fi
  echo "$folder"
}

section_same_bits() {
  begin same_bits "Two training runs with the same bits"
  local model
  model=$(model_of smollm2-135m) || { fails same_bits "no model: $(last_line init_smollm2-135m)" && return; }
  for number in 1 2; do
    [ "$number" = 1 ] && command_line bench_train_throughput smollm2-135m --device cuda --precision bf16 --steps 6
    lorica_run "same_bits_$number" 300 bench_train_throughput "$model" --device cuda --precision bf16 --warmup 0 --steps 6 \
      --json "$work/same_bits_$number.json" || fails same_bits "run $number: $(last_line "same_bits_$number")"
  done
  [ -n "$dry_run" ] && return
  # losses and gradient norms have all their digits; times differ
  only_results() { sed -n '/"losses"/,$p' "$work/same_bits_$1.json" 2>/dev/null; }
  if [ -n "$(only_results 1)" ] && [ "$(only_results 1)" = "$(only_results 2)" ]; then
    line ""
    line "Losses and gradient norms of all steps: the same bits."
  else
    line ""
    line "Losses or gradient norms DIFFER."
    fails same_bits "the runs differ"
  fi
}

section_kernels() {
  begin kernels "Every op at the shapes of real models"
  command_line bench_kernels --device cuda --dtype bf16
  line ""
  lorica_run kernels 1200 bench_kernels --device cuda --dtype bf16
  local code=$?
  [ -n "$dry_run" ] && return
  cat "$out/kernels.log" >>"$table"
  [ "$code" -eq 0 ] || fails kernels "exit $code (124: out of time): $(last_line kernels)"
}

section_sanitizer() {
  begin sanitizer "compute-sanitizer over the tests of the ops"
  command_line "compute-sanitizer --tool TOOL --error-exitcode 9 cuda_test --gtest_filter=SUITE.*"
  line ""
  line "| tool | suite | result |"
  line "|---|---|---|"
  local suites=SUITE until=$((SECONDS + $(seconds_left) / 3)) # the rest is for what comes after
  if [ -z "$dry_run" ]; then
    if ! command -v compute-sanitizer >/dev/null; then
      line "| compute-sanitizer is not there | | |"
      fails sanitizer "compute-sanitizer is not there"
      return
    fi
    suites=$("${start[@]}" "$bin/cuda_test" --gtest_list_tests --gtest_filter="$sanitizer_filter" | sed -n 's/^\([^ ]*\)\..*/\1/p' |
      grep -v '^WithCudnn$' | sort -u) # not the kernels of a library
    [ -n "$suites" ] || fails sanitizer "no test fits the filter '$sanitizer_filter'"
  fi
  for tool in memcheck racecheck synccheck; do
    for suite in $suites; do
      local log=sanitizer_${tool}_${suite//\//_} code limit=$((until - SECONDS))
      run "$log" $((limit < 240 ? limit : 240)) "${start[@]}" compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 20 "$bin/cuda_test" \
        --gtest_brief=1 --gtest_filter="$suite.*"
      code=$?
      case $code in
        0) line "| $tool | $suite | clean |" ;;
        124 | 137) line "| $tool | $suite | not finished in its time, nothing found until then |" ;;
        *)
          line "| $tool | $suite | exit $code: $(last_line "$log") |"
          fails sanitizer "$tool: $suite"
          ;;
      esac
    done
  done
}

# Gigabytes that a run needs on the card at the least: weights of 2 bytes, and room for activations.
gigabytes_for() {
  case $1 in
    *8b) echo 48 ;;
    *1.[57]b | *-1b) echo 20 ;;
    *) echo 14 ;;
  esac
}

section_throughput() {
  begin throughput "LoRA training on random models of real shape beside PyTorch + PEFT"
  command_line compare_torch_gpu.py MODEL --throughput bench_train_throughput --rounds "$rounds" --steps "$steps" --peak 989
  local with_torch=1
  if [ -z "$dry_run" ] && ! "$python" -c 'import torch, transformers, peft, safetensors' 2>/dev/null; then
    with_torch=''
    line ""
    line "$python has no PyTorch, Transformers and PEFT: lorica alone."
  fi
  for config in $configs; do
    line ""
    line "## $config"
    line ""
    local free disk model log=throughput_$config code
    if [ -z "$dry_run" ]; then
      free=$(nvidia-smi --query-gpu=memory.free --format=csv,noheader,nounits | head -n 1)
      disk=$(df --output=avail -BG "$work" | tail -n 1 | tr -dc 0-9)
      if [ $((free / 1000)) -lt "$(gigabytes_for "$config")" ] || [ "$disk" -lt 20 ]; then
        line "Skipped: $((free / 1000)) GB free on the card, $disk GB on the disk."
        say "$config: skipped for lack of memory"
        continue
      fi
      if [ "$(seconds_left)" -lt 120 ]; then
        line "Skipped: the $minutes minutes are used up."
        say "$config: skipped, no time is left"
        continue
      fi
    fi
    model=$(model_of "$config") || { line "Skipped: $(last_line "init_$config")" && continue; }
    if [ -n "$with_torch" ]; then
      run "$log" 1800 "$python" "$here/compare_torch_gpu.py" "$model" --throughput "${throughput[@]}" --rounds "$rounds" \
        --steps "$steps" --peak 989
    else
      lorica_run "$log" 900 bench_train_throughput "$model" --device cuda --precision bf16 --warmup 5 --steps "$steps" --peak 989
    fi
    code=$?
    if [ -z "$dry_run" ]; then
      cat "$out/$log.log" >>"$table"
      rm -rf "${work:?}/$config"
    fi
    [ "$code" -eq 0 ] || fails throughput "$config: exit $code (124: out of time), see $log.log"
  done
}

# Python starts the program itself, so it is given one file that does it.
if [ ${#start[@]} -gt 0 ] && [ -z "$dry_run" ]; then
  printf '#!/bin/sh\nexec %q %q "$@"\n' "${start[0]}" "$bin/bench_train_throughput" >"$work/throughput"
  chmod +x "$work/throughput"
  throughput=("$work/throughput")
else
  throughput=("$bin/bench_train_throughput")
fi

for section in $sections; do
  if [ -z "$dry_run" ] && [ "$(seconds_left)" -le 0 ]; then
    begin "$section" "$section"
    line "Skipped: the $minutes minutes are used up."
    say "$section: skipped, no time is left"
    continue
  fi
  say "$section"
  "section_$section"
done

[ -n "$dry_run" ] && exit 0
begin summary "Summary"
line "Sections: $sections. $SECONDS seconds."
line ""
if [ ${#failed[@]} -eq 0 ]; then
  line "Nothing failed."
  say "nothing failed; tables in $out"
  exit 0
fi
printf -- '- FAILED %s\n' "${failed[@]}" >>"$table"
say "${#failed[@]} failed; tables in $out"
exit 1
