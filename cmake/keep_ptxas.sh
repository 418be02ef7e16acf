#!/bin/sh
# Runs the compiler, and keeps what ptxas says of registers, spills and shared memory in OBJECT.ptxas; the rest of what it
# says goes on to the terminal.
# usage: keep_ptxas.sh COMPILER ... -o OBJECT ...
object=""
previous=""
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
[ -n "$object" ] || exec "$@"

said=$object.said
"$@" 2>"$said"
status=$?
# ptxas's lines, and the indented ones that belong to them
awk -v keep="$object.ptxas" '
  BEGIN { printf "" > keep }
  /^ptxas info/ || /^ +[0-9]+ bytes/ { print > keep; next }
  { print > "/dev/stderr" }' "$said"
rm -f "$said"
[ $status -eq 0 ] || rm -f "$object.ptxas"
exit $status
