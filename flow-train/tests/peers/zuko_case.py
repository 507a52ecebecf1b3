#!/usr/bin/env python3
"""Writes zuko_case.json: a small zuko MAF with its parameters, masks, loss and gradients, in f64."""
import json
import torch
import zuko

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
D, ROWS = 4, 32
flow = zuko.flows.MAF(D, transforms=3, hidden_features=[16, 16])
# Masked weights are noise that zuko multiplies by 0; larger weights put the soft clip to work.
with torch.no_grad():
    for parameter in flow.parameters():
        parameter.mul_(2.0)
x = torch.randn(ROWS, D) @ (torch.randn(D, D) * 0.4 + torch.eye(D))
log_prob = flow().log_prob(x)
loss = -log_prob.mean()
loss.backward()

layers = []
for transform in flow.transform.transforms:
    dense = [
        dict(
            mask=layer.mask.int().tolist(),
            weights=(layer.weight * layer.mask).tolist(),
            biases=layer.bias.tolist(),
            weight_gradient=layer.weight.grad.tolist(),
            bias_gradient=layer.bias.grad.tolist(),
        )
        for layer in transform.hyper
        if hasattr(layer, "mask")
    ]
    # `order[channel]` is the channel's rank.
    layers.append(dict(rank=transform.order.tolist(), dense=dense))
case = dict(
    zuko=zuko.__version__, event=D, x=x.tolist(), loss=loss.item(), log_prob=log_prob.tolist(), layers=layers
)
with open("zuko_case.json", "w") as file:
    json.dump(case, file)
    file.write("\n")
