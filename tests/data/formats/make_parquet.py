#!/usr/bin/env python3
"""Writes chats.parquet and chats.jsonl with the same rows (PyArrow 26): chats of three row groups, with members that are
null in some messages, a dictionary column and a date."""
import datetime
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string()),
                     ("tool_calls", pa.list_(pa.struct([("function", pa.struct([("name", pa.string()),
                                                                                ("arguments", pa.string())]))])))])


def row(i):
    call = [{"function": {"name": f"f{i}", "arguments": json.dumps({"n": i})}}]
    return {"messages": [{"role": "user", "content": f"question {i} \u00e4", "tool_calls": None},
                         {"role": "assistant", "content": None, "tool_calls": call},
                         {"role": "tool", "content": str(i * i), "tool_calls": None},
                         {"role": "assistant", "content": f"answer {i}", "tool_calls": None}],
            "topic": ["red", "green", "blue"][i % 3], "day": datetime.date(2026, 1, 1 + i), "score": i / 2}


if __name__ == "__main__":
    rows = [row(i) for i in range(7)]
    table = pa.table({"messages": pa.array([r["messages"] for r in rows], pa.list_(MESSAGE)),
                      "topic": pa.array([r["topic"] for r in rows]).dictionary_encode(),
                      "day": pa.array([r["day"] for r in rows]), "score": pa.array([r["score"] for r in rows])})
    pq.write_table(table, HERE / "chats.parquet", row_group_size=3, compression="snappy")
    with open(HERE / "chats.jsonl", "w", encoding="utf-8") as file:
        for r in rows:
            file.write(json.dumps(r | {"day": r["day"].isoformat()}, ensure_ascii=False) + "\n")
