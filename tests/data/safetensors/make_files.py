"""Files by the Python package safetensors (0.8.0).  usage: pip install safetensors numpy && python make_files.py"""
import pathlib

import numpy as np
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent
save_file({"scalar": np.array(2.5, dtype=np.float32), "bytes": np.arange(5, dtype=np.uint8),
           "half": np.array([[1, -2, 0.5]], dtype=np.float16), "wide": np.array([1e300, -1], dtype=np.float64),
           "ids": np.array([-1, 1 << 40], dtype=np.int64), "mask": np.array([True, False]),
           "empty": np.zeros((0, 3), dtype=np.float32), "unsigned": np.array([7], dtype=np.uint32),
           "five": np.arange(32, dtype=np.int16).reshape(2, 2, 2, 2, 2)},
          here / "python.safetensors", metadata={"format": "np", "note": "naïve “quotes”"})
