"""PyTorch, as somebody writes it who wants speed: data preloaded as tensors, batches by index, no DataLoader."""

import numpy as np
import torch
from torch import nn

from serve import CHECKED_STEPS, filled, operands, repeat, serve, weights


def net(layers, activation):
    modules = []
    for i, weight in enumerate(weights(layers)):
        if i > 0 and activation == "relu":
            modules.append(nn.ReLU())
        linear = nn.Linear(layers[i], layers[i + 1])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.zero_()
        modules.append(linear)
    return nn.Sequential(*modules)


def train(program):
    torch.set_num_threads(program["threads"])
    layers, batch, data = program["layers"], program["batch"], program["data"]
    model = net(layers, program["activation"])
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=program["lr"], momentum=program["momentum"])

    if data:
        images = np.fromfile(data["images"], np.uint8).reshape(data["count"], -1)
        x = torch.from_numpy(images).float() / 255
        y = torch.from_numpy(np.fromfile(data["labels"], np.int32)).long()
    else:
        x = torch.from_numpy(filled(batch * layers[0], 3)).view(batch, -1)
        y = torch.arange(batch) % layers[-1]

    def batches(shuffle):
        while not data:
            yield x, y
        while True:
            order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
            for i in range(0, len(x), batch):
                index = order[i : i + batch]
                yield x[index], y[index]

    def steps(batches, times):
        running_loss = 0.0
        for _ in range(times):
            inputs, labels = next(batches)
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        return running_loss

    check = steps(batches(False), CHECKED_STEPS) / CHECKED_STEPS
    shuffled = batches(True)
    return check, lambda times: steps(shuffled, times)


def matmul(program):
    torch.set_num_threads(program["threads"])
    a, b = (torch.from_numpy(x) for x in operands(program))
    return (a @ b).abs().double().sum().item(), repeat(lambda: a @ b)


def operation(program):
    torch.set_num_threads(program["threads"])
    shape = program["shape"]
    x, y = (torch.from_numpy(filled(shape[0] * shape[1], seed)).view(shape) for seed in (1, 2))
    gelu = nn.functional.gelu
    call = {
        "add": lambda: x + y,
        "mul": lambda: x * y,
        "relu": lambda: x.relu(),
        "exp": lambda: x.exp(),
        "gelu": lambda: gelu(x),
        "softmax": lambda: x.softmax(1),
        "sum": lambda: x.sum(),
        "sumRows": lambda: x.sum(1),
        "sumColumns": lambda: x.sum(0),
    }[program["name"]]
    return call().double().abs().sum().item(), repeat(call)


def update(program):
    torch.set_num_threads(program["threads"])
    parameters = []
    for i, size in enumerate(program["sizes"]):
        parameter = nn.Parameter(torch.from_numpy(filled(size, i)))
        parameter.grad = torch.from_numpy(filled(size, i + 1))
        parameters.append(parameter)
    # `fused` is the fastest that PyTorch has for this on the CPU, though not its default.
    optimizer = torch.optim.SGD(parameters, lr=program["lr"], momentum=program["momentum"], fused=True)
    for _ in range(CHECKED_STEPS):
        optimizer.step()
    check = sum(parameter.detach().double().abs().sum().item() for parameter in parameters)
    return check, repeat(optimizer.step)


def predict(program):
    torch.set_num_threads(program["threads"])
    model = net(program["layers"], "none")
    x = torch.from_numpy(filled(program["layers"][0], 3)).view(1, -1)

    def run(times):
        with torch.inference_mode():
            for _ in range(times):
                model(x).argmax(1).item()

    return model(x).max().item(), run


about = {"version": torch.__version__, "isa": torch.backends.cpu.get_cpu_capability()}
serve(about, {"train": train, "matmul": matmul, "operation": operation, "update": update, "predict": predict})
