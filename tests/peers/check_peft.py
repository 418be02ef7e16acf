"""PEFT loads an adapter that lorica wrote, and computes with it what lorica computes.
usage: check_peft.py LORICA [MODEL_DIR [ADAPTER_DIR]]
Run by the interpreter that LORICA_PEERS names (./test --peers sets it); exit status 77, "skipped", where it is unset.
Without ADAPTER_DIR: the adapter of the quickstart if it is there, else one trained here for a few steps."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLERANCE = 1e-3  # of a tensor's largest magnitude: f32 against f64


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def train_adapter(lorica, model, run):
    """A few steps at a high rate, so that both factors are away from their start."""
    settings = dict({"model.path": model, "output.dir": run, "model.precision": "f32", "data.eval": "", "eval.prompts": "",
                     "train.time_budget": "", "train.max_steps": 2, "train.learning_rate": 0.01})
    flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    subprocess.run([lorica, "train", "recipes/quickstart.yaml", *flags], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return run / "adapter"


def check_loading(model_dir, adapter):
    """Every tensor of the file is in PEFT's model with the same values, none is missing, and PEFT has no complaint."""
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(model, adapter)
    complaints = [str(w.message) for w in caught if "adapter" in str(w.message).lower() or "key" in str(w.message).lower()]
    assert not complaints, complaints
    file = load_file(adapter / "adapter_model.safetensors")
    loaded = {name.replace(".default", ""): value for name, value in model.named_parameters() if "lora_" in name}
    assert file.keys() == loaded.keys(), file.keys() ^ loaded.keys()
    assert all(torch.equal(file[name], loaded[name]) for name in file)
    assert any(value.abs().max() > 0 for name, value in file.items() if "lora_B" in name), "the adapter does nothing"
    print(f"PEFT loaded all {len(file)} tensors of {adapter}, without a complaint")


def check_numbers(lorica, model, adapter, folder):
    """The script of docs/parity.md, as it stands there, then lorica against what it wrote."""
    (script,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "parity.md").read_text(), re.S)
    (folder / "make_golden.py").write_text(script)
    golden = folder / "golden.safetensors"
    subprocess.run([sys.executable, folder / "make_golden.py", model, golden, adapter], check=True)
    report = subprocess.run([lorica, "parity", model, golden, "--adapter", adapter, "--tolerance", str(TOLERANCE)],
                            stdout=subprocess.PIPE, text=True)
    print(report.stdout, end="")
    assert report.returncode == 0, "lorica and PEFT differ"
    for group in ("logits", "loss", "grad.*", "lora.logits", "lora.loss", "lora.grad.*"):
        assert re.search(rf"^{re.escape(group)} .* ok\b", report.stdout, re.M), f"{group} was not compared"


def main():
    peers = os.environ.get("LORICA_PEERS")
    if not peers:
        skip("LORICA_PEERS is not set; ./test --peers installs PyTorch and PEFT and sets it")
    if os.environ.get("LORICA_PEERS_STARTED") != peers:  # not by sys.executable: a virtual environment may link to it
        os.environ["LORICA_PEERS_STARTED"] = peers
        os.execv(peers, [peers, *sys.argv])
    lorica = pathlib.Path(sys.argv[1]).resolve()
    named = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("LORICA_MODEL", ROOT / "models/smollm2-135m-instruct")
    model = pathlib.Path(named).resolve()
    if not (model / "model.safetensors").exists():
        skip(f"{model}: no model here; ./test fetches it, or LORICA_MODEL names its folder")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        adapter = pathlib.Path(sys.argv[3]).resolve() if len(sys.argv) > 3 else ROOT / "runs/quickstart/adapter"
        if not (adapter / "adapter_model.safetensors").exists():
            adapter = train_adapter(lorica, model, folder / "run")
        check_loading(model, adapter)
        check_numbers(lorica, model, adapter, folder)


main()
