"""AdamW with clipping by PyTorch in double: a matrix with weight decay, a vector without, a matrix that gets no gradient in
some steps. Run: make_adamw.py > adamw.json"""
import json
import torch

torch.manual_seed(5)
parameters = [torch.nn.Parameter(torch.randn(s).float().double()) for s in [(3, 5), (7,), (2, 4)]]
start = [p.detach().flatten().tolist() for p in parameters]
settings = dict(betas=(0.9, 0.99), eps=1e-8)
optimizer = torch.optim.AdamW([dict(params=[parameters[0], parameters[2]], weight_decay=0.1),
                               dict(params=[parameters[1]], weight_decay=0.0)], lr=1.0, **settings)
steps = []
for i in range(8):
    spread = [0.05, 3.0, 0.3, 1.0, 1e-4, 10.0, 0.2, 0.7][i]  # below and above the limit of 1
    gradients = [(spread * torch.randn(p.shape)).float().double() for p in parameters]
    lr = 0.02 / (i + 1)
    has_third = i not in (0, 3)
    for p, g in zip(parameters, gradients):
        p.grad = g.clone()
    if not has_third:
        parameters[2].grad = None
    norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0).item()
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    steps.append(dict(lr=lr, norm=norm, has_third=has_third, gradients=[g.flatten().tolist() for g in gradients],
                      values=[p.detach().flatten().tolist() for p in parameters]))
print(json.dumps(dict(start=start, steps=steps), indent=0))
