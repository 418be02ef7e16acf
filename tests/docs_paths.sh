#!/usr/bin/env bash
# Fails when README.md, CONTRIBUTING.md or docs/*.md name a path of the repository that does not exist. A capitalised
# placeholder (kernels/ops/NAME.h) is looked for as a pattern; a path that is made by building is not the repository's.
set -euo pipefail
cd "${1:-.}"
bad=0
seen=0
folders='kernels|engine|optim|io|recipes|cli|tests|bench|docs|scripts|cmake'
while IFS=: read -r file line path; do
  seen=$((seen + 1))
  path=${path%.}
  pattern=$(sed -E 's/(NAME|FOLDER)/*/g' <<<"$path")
  compgen -G "$pattern" >/dev/null && continue
  echo "$file:$line: no such path: $path"
  bad=1
done < <(grep -noP "(?<![\w./-])($folders)/[\w./*-]*" README.md CONTRIBUTING.md docs/*.md)
[ "$seen" -gt 0 ] || { echo "no paths found: the pattern is broken"; exit 1; }
exit $bad
