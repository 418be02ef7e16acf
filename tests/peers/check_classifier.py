"""PEFT and Transformers load classifiers that lorica trained, and give the same logits and labels.
usage: check_classifier.py LORICA
Run by the interpreter that LORICA_PEERS names (./test --peers sets it); exit status 77, "skipped", where it is unset."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests/data/tiny_model"
TEXTS = ["My card is lost, block it", "Where is my parcel now", "I want my money back", "ok"]
LABELS = ["card", "order", "refund"]
TOLERANCE = 1e-4


def train(lorica, folder, kind):
    rows = "".join(f'"{text} {i}",{LABELS[i % 3]}\n' for i, text in enumerate(TEXTS[:3] * 8))
    (folder / "train.csv").write_text("text,label\n" + rows)
    (folder / "recipe.yaml").write_text(
        f"model: {{path: {MODEL}, task: seq_cls, precision: f32}}\n"
        f"data: {{train: {folder / 'train.csv'}, format: classification}}\nadapter: {{type: {kind}}}\n"
        f"train: {{max_steps: 6, learning_rate: 0.01}}\noutput: {{dir: {folder / kind}}}\n")
    subprocess.run([lorica, "train", folder / "recipe.yaml"], check=True, stdout=subprocess.DEVNULL)


def ask(lorica, folder, *options):
    (folder / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    run = subprocess.run([lorica, "classify", folder / "texts.txt", "--json", "--precision", "f32", *options], check=True,
                         stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def compare(model, tokenizer, answers):
    import torch
    for text, answer in zip(TEXTS, answers, strict=True):
        with torch.no_grad():
            logits = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).logits[0]
        shares = torch.log_softmax(logits.double(), -1)
        names = model.config.id2label
        assert answer["label"] == names[int(shares.argmax())], (answer, names, shares)
        ours = torch.tensor([answer["scores"][names[i]] for i in range(len(LABELS))], dtype=torch.float64).log()
        assert (ours - shares).abs().max() < TOLERANCE, (ours, shares)


def main():
    peers = os.environ.get("LORICA_PEERS")
    if not peers:
        print("skipped: LORICA_PEERS is not set; ./test --peers installs PyTorch and PEFT and sets it")
        sys.exit(77)
    if os.environ.get("LORICA_PEERS_STARTED") != peers:  # not by sys.executable: a virtual environment may link to it
        os.environ["LORICA_PEERS_STARTED"] = peers
        os.execv(peers, [peers, *sys.argv])
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    lorica = pathlib.Path(sys.argv[1]).resolve()
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        train(lorica, folder, "lora")
        adapter = folder / "lora/adapter"
        names = {int(number): name for number, name in json.loads((adapter / "labels.json").read_text())["id2label"].items()}
        base = AutoModelForSequenceClassification.from_pretrained(MODEL, dtype=torch.float32, id2label=names)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = PeftModel.from_pretrained(base, adapter).eval()
        complaints = [str(w.message) for w in caught if "adapter" in str(w.message).lower() or "key" in str(w.message).lower()]
        assert not complaints, complaints
        file = load_file(adapter / "adapter_model.safetensors")
        loaded = {n.replace(".modules_to_save.default", "").replace(".default", ""): p for n, p in model.named_parameters()
                  if "lora_" in n or "modules_to_save" in n}
        assert file.keys() == loaded.keys(), file.keys() ^ loaded.keys()
        assert all(torch.equal(file[n], loaded[n]) for n in file)
        compare(model, tokenizer, ask(lorica, folder, "--model", MODEL, "--adapter", adapter))
        print("PEFT gives lorica's probabilities with the adapter and its head")

        train(lorica, folder, "none")
        model, report = AutoModelForSequenceClassification.from_pretrained(folder / "none/model", dtype=torch.float32,
                                                                           output_loading_info=True)
        assert not any(report.get(k) for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
        assert list(model.config.id2label.values()) == LABELS and model.config.pad_token_id is not None
        compare(model.eval(), tokenizer, ask(lorica, folder, "--model", folder / "none/model"))
        print("Transformers gives lorica's probabilities with the model folder")


main()
