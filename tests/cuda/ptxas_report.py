#!/usr/bin/env python3
"""Registers, spills and shared memory of every kernel, from what ptxas said while the library was built.

usage: ptxas_report.py FOLDER ALLOWED    FOLDER holds the *.ptxas files, ALLOWED the spills that are accepted
       ptxas_report.py --self-test
Fails on a spill that ALLOWED does not name, on a line of ALLOWED that no longer holds, and where there is no kernel.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\w+)'")
SPILL = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")


def read(text):
    """A dict a kernel: name, arch, registers, stack, stores, loads, shared."""
    kernels = []
    in_entry = False
    for line in text.splitlines():
        if found := ENTRY.search(line):
            kernels.append({"name": found[1], "arch": found[2], "registers": None, "stack": 0, "stores": 0, "loads": 0,
                            "shared": 0})
            in_entry = True
        elif "Function properties for" in line:
            in_entry = bool(kernels) and line.endswith(" " + kernels[-1]["name"])
        elif (found := SPILL.search(line)) and kernels:
            # a function that a kernel calls spills on the kernel's account
            kernels[-1]["stack"] += int(found[1])
            kernels[-1]["stores"] += int(found[2])
            kernels[-1]["loads"] += int(found[3])
        elif (found := USED.search(line)) and in_entry:
            kernels[-1]["registers"] = int(found[1])
            if found := SHARED.search(line):
                kernels[-1]["shared"] = int(found[1])
    return kernels


def readable(names):
    """The names as C++ writes them, without namespaces and parameters; unchanged where there is no c++filt."""
    if not shutil.which("c++filt"):
        return names
    shown = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    result = []
    for name in shown.splitlines():
        name = re.sub(r"\(anonymous namespace\)::|_GLOBAL__N__\w+::|lorica::|device::", "", name)
        name = re.sub(r"^void ", "", name)
        result.append(re.sub(r"\((?!\w+\)\d).*$", "", name))
    return result


def read_allowed(text):
    allowed = {}
    for line in text.splitlines():
        words = line.split("#")[0].rsplit(None, 1)
        if words:
            arch, name = words[0].split(None, 1)
            allowed[arch, name.strip()] = int(words[1])
    return allowed


def problems_of(kernels, allowed):
    problems = []
    unused = dict(allowed)
    for kernel in kernels:
        key = (kernel["arch"], kernel["shown"])
        limit = allowed.get(key, 0)
        if kernel["stores"] > limit or (kernel["loads"] > 0 and key not in allowed):
            problems.append(f"{key[1]} for {key[0]} spills {kernel['stores']} bytes; {limit} are allowed")
        if kernel["stores"] > 0:
            unused.pop(key, None)
        if kernel["registers"] is None:
            problems.append(f"{key[1]} for {key[0]}: no register count in the report")
    problems += [f"allowed, but there is no such spill: {arch} {name}" for arch, name in unused]
    return problems


def report(folder, allowed_file):
    files = sorted(pathlib.Path(folder).rglob("*.ptxas"))
    kernels = [kernel for file in files for kernel in read(file.read_text())]
    if not kernels:
        sys.exit(f"{folder}: no kernel in {len(files)} reports; build lorica_cuda first")
    for kernel, shown in zip(kernels, readable([kernel["name"] for kernel in kernels])):
        kernel["shown"] = shown
    print(f"{'arch':8} {'registers':>9} {'stack':>6} {'stores':>6} {'loads':>6} {'shared':>7}  kernel")
    for kernel in sorted(kernels, key=lambda k: (k["shown"], k["arch"])):
        print("{arch:8} {registers!s:>9} {stack:>6} {stores:>6} {loads:>6} {shared:>7}  {shown}".format(**kernel))
    problems = problems_of(kernels, read_allowed(pathlib.Path(allowed_file).read_text()))
    print("\n".join(problems) if problems else f"{len(kernels)} kernels, no spill that is not allowed")
    return 1 if problems else 0


SAMPLE = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z5cleanv' for 'sm_80'
ptxas info    : Function properties for _Z5cleanv
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 16 registers, used 1 barriers, 2048 bytes smem, 408 bytes cmem[0]
ptxas info    : Compiling entry function '_Z5spillv' for 'sm_90a'
ptxas info    : Function properties for _Z5spillv
    48 bytes stack frame, 24 bytes spill stores, 32 bytes spill loads
ptxas info    : Used 255 registers, used 0 barriers
"""


def self_test():
    kernels = read(SAMPLE)
    assert [(k["name"], k["arch"], k["registers"], k["stores"], k["loads"], k["shared"]) for k in kernels] == [
        ("_Z5cleanv", "sm_80", 16, 0, 0, 2048), ("_Z5spillv", "sm_90a", 255, 24, 32, 0)], kernels
    for kernel in kernels:
        kernel["shown"] = kernel["name"][3:-1]
    assert len(problems_of(kernels, {})) == 1
    assert problems_of(kernels, {("sm_90a", "spill"): 24}) == []
    assert len(problems_of(kernels, {("sm_90a", "spill"): 23})) == 1
    assert len(problems_of(kernels, {("sm_90a", "spill"): 24, ("sm_80", "clean"): 8})) == 1
    assert read_allowed("# why\nsm_90a f<bf16, 64> 24  # reason\n") == {("sm_90a", "f<bf16, 64>"): 24}
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(report(sys.argv[1], sys.argv[2]))
