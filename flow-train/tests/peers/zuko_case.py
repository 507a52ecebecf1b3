#!/usr/bin/env python3
"""Writes zuko_maf.json and zuko_nsf.json: small zuko flows with parameters, masks, loss and gradients, in f64."""
import functools
import json
import math

import numpy as np
import torch
import zuko

D, ROWS = 4, 32
# zuko's own least slope of 1e-3, such that its logarithm is a number of f32, as our bounds are.
SLOPE = math.exp(-float(np.float32(math.log(1000))))
AFFINE = functools.partial(zuko.transforms.MonotonicAffineTransform, slope=SLOPE)


def case(name, flow):
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
    found = dict(
        zuko=zuko.__version__, event=D, x=x.tolist(), loss=loss.item(), log_prob=log_prob.tolist(), layers=layers
    )
    with open(f"zuko_{name}.json", "w") as file:
        json.dump(found, file)
        file.write("\n")


torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
case("maf", zuko.flows.MAF(D, transforms=3, hidden_features=[16, 16], univariate=AFFINE))
case("nsf", zuko.flows.NSF(D, transforms=2, bins=5, hidden_features=[12, 12]))
