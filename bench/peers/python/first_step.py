"""A cold start: the first step of training of a new process."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(784, 128), nn.Linear(128, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
loss = nn.CrossEntropyLoss()(model(torch.rand(64, 784)), torch.randint(0, 10, (64,)))
loss.backward()
optimizer.step()
print("first step", loss.item(), flush=True)
