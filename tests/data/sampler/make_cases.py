"""Probabilities that Transformers' logits processors leave, in the order of generate(). Run: make_cases.py > cases.json"""
import json
import torch
from transformers.generation import (MinPLogitsWarper, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
                                     TopKLogitsWarper, TopPLogitsWarper)

torch.manual_seed(11)
V = 24
SETTINGS = [
    dict(temperature=1.0),
    dict(temperature=0.7),
    dict(temperature=1.3, top_k=5),
    dict(temperature=1.0, top_k=1),
    dict(temperature=1.0, top_p=0.8),
    dict(temperature=0.6, top_p=0.95),
    dict(temperature=1.0, top_p=0.01),
    dict(temperature=1.0, min_p=0.1),
    dict(temperature=1.5, min_p=0.3),
    dict(temperature=1.0, repetition_penalty=1.4),
    dict(temperature=1.0, repetition_penalty=0.8),
    dict(temperature=0.9, top_k=12, top_p=0.9, min_p=0.05, repetition_penalty=1.2),
    dict(temperature=1.2, top_k=9, top_p=0.7),
]
cases = []
for s in SETTINGS:
    logits = (2 * torch.randn(1, V)).float()
    seen = torch.randint(0, V, (1, 7))
    seen[0, 3] = seen[0, 0]  # a token seen twice is penalised once
    chain = []
    if "repetition_penalty" in s:
        chain.append(RepetitionPenaltyLogitsProcessor(s["repetition_penalty"]))
    chain.append(TemperatureLogitsWarper(s["temperature"]))
    if "top_k" in s:
        chain.append(TopKLogitsWarper(s["top_k"]))
    if "top_p" in s:
        chain.append(TopPLogitsWarper(s["top_p"]))
    if "min_p" in s:
        chain.append(MinPLogitsWarper(s["min_p"]))
    scores = logits.clone()
    for processor in chain:
        scores = processor(seen, scores)
    probabilities = torch.softmax(scores.double(), -1)[0]
    cases.append(dict(options=s, logits=logits[0].tolist(), seen=seen[0].tolist(), probabilities=probabilities.tolist()))
print(json.dumps(cases, indent=0))
