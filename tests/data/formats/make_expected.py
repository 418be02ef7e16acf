#!/usr/bin/env python3
"""Writes expected.json: the conversations of the files beside this script, by a second reading of the formats.

The .json and .jsonl files are excerpts of LLaMA-Factory's demo data (data/ of github.com/hiyouga/LLaMA-Factory at
ff6d4d12, Apache 2.0): alpaca_en_demo, glaive_toolcall_en_demo, dpo_en_demo, kto_en_demo and v1_sft_demo."""
import json
import pathlib

HERE = pathlib.Path(__file__).parent
ROLES = {"human": "user", "gpt": "assistant", "system": "system", "observation": "tool"}


def elements(name):
    """(line, value) of each element of a list, or of each line."""
    text = (HERE / name).read_text(encoding="utf-8")
    if name.endswith(".jsonl"):
        return [(i, json.loads(line)) for i, line in enumerate(text.splitlines(), 1)]
    found, at = [], text.index("[") + 1
    while True:
        at += len(text[at:]) - len(text[at:].lstrip(" \r\n\t,"))
        if text[at] == "]":
            return found
        value, end = json.JSONDecoder().raw_decode(text, at)
        found.append((text.count("\n", 0, at) + 1, value))
        at = end


def turn(t):
    if t["from"] == "function_call":
        return {"role": "assistant", "content": "",
                "tool_calls": [{"type": "function", "function": json.loads(t["value"])}]}
    return {"role": ROLES[t["from"]], "content": t["value"]}


def shown(messages):
    return [m | {"train": False} if m["role"] == "assistant" else m for m in messages]


def alpaca(r):
    prompt = "\n".join(part for part in (r["instruction"], r["input"]) if part)
    return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": r["output"]}]}


def sharegpt(r):
    tools = [{"type": "function", "function": tool} for tool in json.loads(r["tools"])]
    return {"messages": [turn(t) for t in r["conversations"]], "tools": tools}


def dpo(r):
    return {"messages": shown([turn(t) for t in r["conversations"]]) + [turn(r["chosen"])]}


def kto(r):
    messages = r["messages"]
    return {"messages": shown(messages[:-1]) + messages[-1:]} if r["label"] else {}


def v1(r):
    return {"messages": [{"role": m["role"], "content": "".join(part["value"] for part in m["content"])}
                         for m in r["messages"]]}


if __name__ == "__main__":
    readers = {"alpaca.json": alpaca, "sharegpt_tools.json": sharegpt, "dpo.json": dpo, "kto.json": kto,
               "v1_sft.jsonl": v1}
    expected = {name: [{"line": line} | read(row) for line, row in elements(name)] for name, read in readers.items()}
    (HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
