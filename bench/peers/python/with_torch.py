"""PyTorch, as somebody writes it who wants speed: data preloaded as tensors, batches by index, no DataLoader."""

import copy
import time

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


def digits(data):
    """Images as floats from 0 to 1, [count, features], and labels."""
    count = data["count"]
    images = np.fromfile(data["images"], np.uint8).reshape(-1, 28 * 28)[:count]
    return torch.from_numpy(images).float() / 255, torch.from_numpy(np.fromfile(data["labels"], np.int32)[:count]).long()


def fastest_optimizer(parameters, name, **options):
    """Of the implementations that PyTorch has of an update, that which is fastest for such parameters."""
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[name]
    parameters = list(parameters)

    def seconds(how):
        copies = [nn.Parameter(copy.deepcopy(parameter.detach())) for parameter in parameters]
        for copied in copies:
            copied.grad = torch.ones_like(copied)
        optimizer = kind(copies, **options, **how)
        times = []
        for _ in range(12):
            start = time.perf_counter()
            optimizer.step()
            times.append(time.perf_counter() - start)
        return min(times[2:])

    return kind(parameters, **options, **min([{"fused": True}, {"foreach": True}, {"foreach": False}], key=seconds))


def train(program):
    torch.set_num_threads(program["threads"])
    layers, batch, data = program["layers"], program["batch"], program["data"]
    model = net(layers, program["activation"])
    criterion = nn.CrossEntropyLoss()
    optimizer = fastest_optimizer(model.parameters(), **program["optimizer"])

    if data:
        x, y = digits(data)
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
    optimizer = fastest_optimizer(parameters, **program["optimizer"])
    for _ in range(CHECKED_STEPS):
        optimizer.step()
    check = sum(parameter.detach().double().abs().sum().item() for parameter in parameters)
    return check, repeat(optimizer.step)


def predict(program):
    torch.set_num_threads(program["threads"])
    model = net(program["layers"], "none")
    x, _ = digits(program["data"])

    def run(times):
        with torch.inference_mode():
            for _ in range(times):
                model(x).argmax(1).tolist()

    return model(x).max().item(), run


def evaluate(program):
    torch.set_num_threads(program["threads"])
    batch = program["batch"]
    model = net(program["layers"], "none").eval()
    x, y = digits(program["data"])

    def accuracy():
        correct = 0
        with torch.no_grad():
            for i in range(0, len(x), batch):
                correct += (model(x[i : i + batch]).argmax(1) == y[i : i + batch]).sum().item()
        return correct / len(x)

    return accuracy(), repeat(accuracy)


about = {"version": torch.__version__, "isa": torch.backends.cpu.get_cpu_capability()}
programs = [train, evaluate, predict, matmul, operation, update]
serve(about, {program.__name__: program for program in programs})
