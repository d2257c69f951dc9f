#!/usr/bin/env python3
"""torch_check.py FOLDER: load_state_dict(strict=True) takes every file that torch_models_test.cpp wrote there.

The modules below have the parameters of the official ones, name by name and shape by shape, and nothing else. What was
loaded is written again, as NAME.back, for the test to read. Exit status 77 where there is no PyTorch.
"""
import json
import pathlib
import struct
import sys

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit(77)

H, N = 4, 3  # features, stored modes
TYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}


def read(path):
    content = path.read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:start])
    assert header.pop("__metadata__") == {"format": "pt"}
    state = {}
    for name, entry in header.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        numbers = torch.frombuffer(bytearray(content[begin:end]), dtype=TYPES[entry["dtype"]])
        state[name] = numbers.reshape(entry["shape"])
    return state


def write(path, state):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in sorted(state.items(), key=lambda item: -item[1].element_size()):
        numbers = bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist())
        dtype = next(key for key, value in TYPES.items() if value == tensor.dtype)
        offsets = [len(data), len(data) + len(numbers)]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        data += numbers
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Parameters(nn.Module):
    def __init__(self, buffers=(), **shapes):
        super().__init__()
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        for name in buffers:
            self.register_buffer(name, torch.tensor(0))


def s4_block(kernels=1, rank=1):
    layer = Parameters(D=(kernels, H))
    layer.kernel = Parameters(C=(kernels, H, N, 2), inv_dt=(H, 1), B=(1, H, N, 2), A_real=(H, N), A_imag=(H, N),
                              P=(rank, H, N, 2), buffers=["l_kernel"])
    block = nn.Module()
    block.layer = layer
    block.output_linear = nn.Sequential(nn.Linear(H * kernels, 2 * H), nn.GLU())
    return block


def s4_real():
    block = nn.Module()
    block.layer = Parameters(D=(1, H))
    block.layer.kernel = Parameters(C=(1, H, N), inv_dt=(H, N), B=(1, H, N), A_real=(H, N))
    block.output_linear = nn.Sequential(nn.Linear(H, 2 * H), nn.GLU())
    return block


def s4d():
    layer = Parameters(D=(H,))
    layer.kernel = Parameters(C=(H, N, 2), log_dt=(H,), log_A_real=(H, N), A_imag=(H, N))
    layer.output_linear = nn.Sequential(nn.Conv1d(H, 2 * H, kernel_size=1), nn.GLU(dim=-2))
    return layer


def dss(transposed):
    layer = Parameters(D=(1, H))
    layer.kernel = Parameters(log_dt=(H, 2), Lambda=(N, 2), W=(1, H, N, 2))
    layer.output_linear = Parameters(weight=(H, H), bias=(H, 1) if transposed else (H,))
    return layer


def classifier():
    model = nn.Module()
    model.encoder = nn.Linear(2, H)
    model.s4_layers = nn.ModuleList(s4d() for _ in range(2))
    model.norms = nn.ModuleList(nn.LayerNorm(H) for _ in range(2))
    model.decoder = nn.Linear(H, 5)
    return model


def normalization():
    norm = nn.Module()
    norm.norm = nn.BatchNorm1d(H)
    return norm


def backbone():
    feed_forward = nn.Module()
    feed_forward.ff = nn.Sequential(nn.Sequential(nn.Linear(H, 2 * H), nn.GELU()), nn.Dropout(0.1), nn.Linear(2 * H, H))
    model = nn.Module()
    model.layers = nn.ModuleList()
    for layer in (s4_block(), feed_forward):
        block = nn.Module()
        block.layer = layer
        block.norm = normalization()
        model.layers.append(block)
    model.norm = normalization()
    return model


MODELS = {"s4": lambda: s4_block(rank=2), "s4_real": s4_real, "s4d": s4d, "dss": lambda: dss(True),
          "dss_flat": lambda: dss(False), "classifier": classifier, "backbone": backbone}

folder = pathlib.Path(sys.argv[1])
for name, make in MODELS.items():
    model = make()
    model.load_state_dict(read(folder / name), strict=True)
    write(folder / (name + ".back"), model.state_dict())
print(len(MODELS), "state dicts")
