"""Dequantisation vectors: random blocks of each type and what the Python package gguf (0.19.0) makes of them.
usage: pip install gguf==0.19.0 && python make_vectors.py
Writes TYPE.bin beside this file: u32 number of values, the blocks' bytes, the values as f32 (all little-endian)."""
import pathlib
import struct

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf.quants import dequantize

# where the f16 scales and minima lie in a block
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "F16": [0], "BF16": [], "F32": []}

rng = np.random.default_rng(20)
for name, places in SCALES.items():
    kind = Type[name]
    values, size = GGML_QUANT_SIZES[kind]
    blocks = 64 if values == 1 else 8 if values == 32 else 3
    raw = rng.integers(0, 256, (blocks, size), dtype=np.uint8)
    for place in places:  # random bits would give NaN and infinity; a subnormal and a zero are kept in
        half = rng.normal(0, 0.05, blocks).astype(np.float16)
        half[0], half[-1] = np.float16(3e-7), np.float16(0)
        raw[:, place:place + 2] = half.view(np.uint8).reshape(blocks, 2)
    if name in ("F32", "BF16"):
        half = rng.normal(0, 1, blocks).astype(np.float32).view(np.uint8).reshape(blocks, 4)
        raw = half if name == "F32" else half[:, 2:].copy()
    got = dequantize(raw.reshape(1, -1), kind).astype("<f4").ravel()
    assert got.size == blocks * values and np.isfinite(got).all()
    out = pathlib.Path(__file__).parent / f"{name}.bin"
    out.write_bytes(struct.pack("<I", got.size) + raw.tobytes() + got.tobytes())
