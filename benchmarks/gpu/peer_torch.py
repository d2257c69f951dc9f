#!/usr/bin/env python3
"""The rows of longwave_gpu_bench in eager PyTorch on the same GPU, and both as one table.

    longwave_gpu_bench --json ours.json
    peer_torch.py ours.json [OUT.json] [--only TEXT]

The layers are written as the official minimal S4D (kernel by a (H, N, L) Vandermonde matrix in complex64, convolution
by rfft of twice the length, GELU, tied dropout, 1x1 convolution, GLU) and the models as the S4 repository's example.
TF32 is on for convolutions, as it is by default, and for products; rows with bf16 run under autocast. Times: CUDA
events, after warm-up, the median of 20.
A row of ours without a peer keeps its own figures.
"""
import argparse
import json
import math
import statistics
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional


def median_ms(run, rounds=20, warm_up=4):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    times = []
    for i in range(rounds + warm_up):
        begin.record()
        run()
        end.record()
        end.synchronize()
        if i >= warm_up:
            times.append(begin.elapsed_time(end))
    return statistics.median(times)


class TiedDropout(nn.Module):
    """One draw per sequence and feature."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        mask = torch.rand(*x.shape[:2], 1, device=x.device) < 1 - self.p
        return x * mask * (1 / (1 - self.p))


class Kernel(nn.Module):
    def __init__(self, d_model, d_state):
        super().__init__()
        modes = d_state // 2
        self.log_dt = nn.Parameter(torch.rand(d_model) * (math.log(0.1) - math.log(0.001)) + math.log(0.001))
        self.C = nn.Parameter(torch.view_as_real(torch.randn(d_model, modes, dtype=torch.complex64)))
        self.log_A_real = nn.Parameter(torch.log(0.5 * torch.ones(d_model, modes)))
        self.A_imag = nn.Parameter(math.pi * torch.arange(modes).repeat(d_model, 1).float())

    def modes(self):
        A = -torch.exp(self.log_A_real) + 1j * self.A_imag
        dtA = A * torch.exp(self.log_dt).unsqueeze(-1)
        return dtA, torch.view_as_complex(self.C) * (torch.exp(dtA) - 1.0) / A

    def forward(self, L):
        dtA, C = self.modes()
        powers = torch.exp(dtA.unsqueeze(-1) * torch.arange(L, device=dtA.device))
        return 2 * torch.einsum("hn,hnl->hl", C, powers).real


class S4D(nn.Module):
    def __init__(self, d_model, d_state=64, dropout=0.0, gated=True):
        super().__init__()
        self.kernel = Kernel(d_model, d_state)
        self.D = nn.Parameter(torch.randn(d_model))
        self.dropout = TiedDropout(dropout)
        self.output_linear = nn.Conv1d(d_model, 2 * d_model if gated else d_model, 1)
        self.gated = gated

    def scan(self, u):
        L = u.size(-1)
        with torch.autocast("cuda", enabled=False):  # FFTs have no bfloat16; without autocast, nothing changes
            wide = u.float()
            K_f = torch.fft.rfft(self.kernel(L), n=2 * L)
            y = torch.fft.irfft(torch.fft.rfft(wide, n=2 * L) * K_f, n=2 * L)[..., :L]
            return (y + wide * self.D.unsqueeze(-1)).to(u.dtype)

    def forward(self, u):
        y = self.output_linear(self.dropout(functional.gelu(self.scan(u))))
        return functional.glu(y, dim=-2) if self.gated else y


class Classifier(nn.Module):
    def __init__(self, d_model=128, layers=4, classes=10, dropout=0.1):
        super().__init__()
        self.encoder = nn.Linear(1, d_model)
        self.layers = nn.ModuleList([S4D(d_model, dropout=dropout) for _ in range(layers)])
        self.norms = nn.ModuleList([nn.LayerNorm(d_model) for _ in range(layers)])
        self.dropouts = nn.ModuleList([TiedDropout(dropout) for _ in range(layers)])
        self.decoder = nn.Linear(d_model, classes)

    def forward(self, x):  # (B, L, 1)
        x = self.encoder(x).transpose(-1, -2)
        for layer, norm, dropout in zip(self.layers, self.norms, self.dropouts):
            x = x + dropout(layer(x))
            x = norm(x.transpose(-1, -2)).transpose(-1, -2)
        return self.decoder(x.transpose(-1, -2).mean(dim=1))


class Lines(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(3, 2), nn.Linear(2, 2)
        self.layers = nn.ModuleList([S4D(2, d_state=8, gated=False) for _ in range(4)])

    def forward(self, x):  # (B, L, 3)
        x = self.fc1(x).transpose(-1, -2)
        for layer in self.layers:
            x = layer(x)
        return self.fc2(x.transpose(-1, -2))


def vandermonde(L, backward):
    kernel = Kernel(256, 64).cuda()
    with torch.no_grad():
        x, v = kernel.modes()
    x, v = x.requires_grad_(), v.requires_grad_()
    positions, weights = torch.arange(L, device="cuda"), torch.randn(256, L, device="cuda")

    def forward():
        return 2 * torch.einsum("hn,hnl->hl", v, torch.exp(x.unsqueeze(-1) * positions)).real

    if backward:
        return median_ms(lambda: torch.autograd.grad(forward(), (x, v), weights))
    with torch.no_grad():
        return median_ms(forward)


def cauchy(L):
    """Both conjugate terms over their common denominator, as the S4 repository does without its extension."""
    nodes = L // 2 + 1
    angle = math.pi * (torch.arange(nodes, device="cuda") + 0.25) / nodes
    z = 2j * torch.tan(0.5 * angle)
    w, v = -0.5 * torch.rand(256, 32, device="cuda") + 1j, torch.randn(256, 32, dtype=torch.complex64, device="cuda")

    def forward():
        top = v.real.unsqueeze(-1) * z - (v * w.conj()).real.unsqueeze(-1)
        bottom = (z - w.real.unsqueeze(-1)) ** 2 + w.imag.unsqueeze(-1) ** 2
        return 2 * (top / bottom).sum(dim=-2)

    with torch.no_grad():
        return median_ms(forward)


def gelu(backward):
    x, dy = torch.randn(1 << 26, device="cuda"), torch.randn(1 << 26, device="cuda")
    return median_ms(lambda: torch.ops.aten.gelu_backward(dy, x) if backward else functional.gelu(x))


def scan(L):
    layer, u = S4D(256).cuda(), torch.randn(16, 256, L, device="cuda")
    with torch.no_grad():
        return median_ms(lambda: layer.scan(u))


def layer_step(L, bf16=False):
    """bf16: autocast, so that the 1x1 convolution, GELU and GLU run in it; FFTs and their products stay float32."""
    layer = S4D(256).cuda()
    dtype = torch.bfloat16 if bf16 else torch.float32
    u = torch.randn(16, 256, L, device="cuda", dtype=dtype, requires_grad=True)
    dy = torch.randn(16, 256, L, device="cuda", dtype=dtype)

    def step():
        layer.zero_grad(set_to_none=True)
        u.grad = None
        with torch.autocast("cuda", torch.bfloat16, enabled=bf16):
            y = layer(u)
        y.backward(dy)

    return step


def layer_memory(L, bf16=False):
    step = layer_step(L, bf16)
    step()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() / 2**30


def training(model, x, loss, lr):
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss(model(x)).backward()
        optimizer.step()

    return median_ms(step)


def classifier():
    labels = torch.arange(64, device="cuda") % 10
    x = torch.randn(64, 1024, 1, device="cuda")
    return training(Classifier().cuda(), x, lambda y: functional.cross_entropy(y, labels), 1e-3)


def lines():
    x, target = torch.randn(10, 10000, 3, device="cuda"), torch.randn(10, 10000, 2, device="cuda")
    return training(Lines().cuda(), x, lambda y: functional.l1_loss(y, target), 5e-3)


def lstm(B, L, inputs, hidden, backward):
    layer = nn.LSTM(inputs, hidden, batch_first=True).cuda()
    x = torch.randn(B, L, inputs, device="cuda", requires_grad=backward)
    dy = torch.randn(B, L, hidden, device="cuda")

    def step():
        layer.zero_grad(set_to_none=True)
        x.grad = None
        layer(x)[0].backward(dy)

    if backward:
        return median_ms(step)
    with torch.no_grad():
        return median_ms(lambda: layer(x))


class Generator(nn.Module):
    def __init__(self, hidden=66, latent=16, features=4):
        super().__init__()
        self.lstm, self.fc_out = nn.LSTM(latent, hidden, batch_first=True), nn.Linear(hidden, features)

    def forward(self, z):
        return torch.tanh(self.fc_out(self.lstm(z)[0]))


class Discriminator(nn.Module):
    def __init__(self, hidden=66, features=4):
        super().__init__()
        self.lstm, self.fc_out = nn.LSTM(features, hidden, batch_first=True), nn.Linear(hidden, 1)

    def forward(self, x):
        return self.fc_out(self.lstm(x)[1][0][-1])


def gan():
    G, D = Generator().cuda(), Discriminator().cuda()
    optimizers = [torch.optim.Adam(net.parameters(), lr=3e-4, betas=(0.5, 0.999)) for net in (G, D)]
    bce, real = nn.BCEWithLogitsLoss(), torch.randn(128, 12, 4, device="cuda")
    ones, zeros = torch.ones(128, 1, device="cuda"), torch.zeros(128, 1, device="cuda")

    def noise():
        return torch.randn(128, 12, 16, device="cuda")

    def step():
        optimizers[1].zero_grad()
        (bce(D(real), ones) + bce(D(G(noise()).detach()), zeros)).backward()
        optimizers[1].step()
        for _ in range(2):
            optimizers[0].zero_grad()
            bce(D(G(noise())), ones).backward()
            optimizers[0].step()

    return median_ms(step)


def sssd(training):
    """sssd_peer.py's network, Cauchy sums as in the published code without its extension: a training step, a pass."""
    for folder in (Path(__file__).resolve().parent, Path(__file__).resolve().parent.parent / "models"):
        sys.path.append(str(folder))
    import sssd_peer

    B, L = (32 if training else 16), 200
    with torch.device("cuda"):
        net = sssd_peer.Net(24, 128, 64, L)
        x, steps = torch.randn(B, 1, L), torch.randint(0, 200, (B,)).float()
        mask = (torch.arange(L) % 20 != 0).float().expand_as(x)
        adam = torch.optim.Adam(net.parameters(), lr=2e-4)

        def train():
            noise, missing = torch.randn_like(x), 1 - mask
            eps = net(x * mask + noise * missing, x, mask, steps)
            loss = (((eps - noise) * missing) ** 2).sum() / missing.sum()
            adam.zero_grad()
            loss.backward()
            adam.step()

        def draw():
            with torch.no_grad():
                net(x, x, mask, steps)

        return median_ms(train if training else draw)


class Step(nn.Module):
    """One sample of B streams through a layer, as the S4 repository steps: complex states (B, H, N)."""

    def __init__(self, layer, B):
        super().__init__()
        self.layer = layer
        with torch.no_grad():
            dtA, self.C = layer.kernel.modes()
            self.A = torch.exp(dtA)
        self.state = torch.zeros(B, *self.A.shape, dtype=torch.complex64, device="cuda")

    def forward(self, u):  # (B, H)
        self.state = self.A * self.state + u.unsqueeze(-1)
        y = 2 * torch.einsum("bhn,hn->bh", self.state, self.C).real + u * self.layer.D
        y = functional.gelu(y)
        return functional.glu(functional.linear(y, self.layer.output_linear.weight[..., 0], self.layer.output_linear.bias))


def stream_layer(B):
    step, u = Step(S4D(256).cuda(), B), torch.randn(B, 256, device="cuda")
    with torch.no_grad():
        return median_ms(lambda: step(u))


def stream_classifier(B):
    model = Classifier().cuda().eval()
    steps = [Step(layer, B) for layer in model.layers]
    x, pooled = torch.randn(B, 1, device="cuda"), torch.zeros(B, 128, device="cuda")

    def step():
        h = model.encoder(x)
        for layer, norm in zip(steps, model.norms):
            h = norm(h + layer(h))
        pooled.add_(h)
        return model.decoder(pooled / 100)

    with torch.no_grad():
        return median_ms(step)


def rows():
    """Name of a row -> what measures it."""
    table = {}
    for L in (1024, 4096, 16384):
        table[f"vandermonde forward L={L}"] = lambda L=L: vandermonde(L, False)
        table[f"vandermonde forward+backward L={L}"] = lambda L=L: vandermonde(L, True)
        table[f"scan forward TF32 L={L}"] = lambda L=L: scan(L)
        table[f"scan forward fp32 accuracy L={L}"] = lambda L=L: scan(L)
        table[f"S4D layer forward+backward L={L}"] = lambda L=L: median_ms(layer_step(L))
        table[f"S4D layer forward+backward bf16 L={L}"] = lambda L=L: median_ms(layer_step(L, bf16=True))
    table["cauchy forward L=16384"] = lambda: cauchy(16384)
    table["gelu forward, 64 M elements"] = lambda: gelu(False)
    table["gelu backward, 64 M elements"] = lambda: gelu(True)
    table["S4D layer step, peak memory L=16384"] = lambda: layer_memory(16384)
    table["S4D layer step, peak memory bf16 L=16384"] = lambda: layer_memory(16384, bf16=True)
    table["classifier training step B64 L1024 d128"] = classifier
    table["SAR-size training step B10 L10000 d2"] = lines
    for products in ("TF32", "fp32"):  # one and the same here: TF32 in convolutions
        table[f"SSSD training step B32 L200, 24 blocks of 128, {products}"] = lambda: sssd(True)
        for step in ("DDPM step (1 of 200)", "DDIM step (1 of 20)"):
            table[f"SSSD {step} B16 L200, {products}"] = lambda: sssd(False)
    for size in ((64, 256, 128, 256), (128, 12, 16, 66)):
        name = "B{} L{} i{} h{}".format(*size)
        table[f"LSTM forward {name}"] = lambda size=size: lstm(*size, False)
        table[f"LSTM forward+backward {name}"] = lambda size=size: lstm(*size, True)
    table["GAN batch B128 L12 h66, 1 D + 2 G"] = gan
    for B in (1, 1024, 65536):
        table[f"step of an S4D layer d256 N64 B={B}"] = lambda B=B: stream_layer(B)
        table[f"step of the classifier d128, 4 layers B={B}"] = lambda B=B: stream_classifier(B)
    return table


def number(x):
    return "-" if x is None else f"{x:.3f}" if x < 100 else f"{x:.0f}"


def table_of(ours, peer):
    lines_ = ["| row | longwave | of the limit | PyTorch eager | times faster | target | met |",
              "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in ours:
        memory = "gib" in row
        mine, theirs = row["gib" if memory else "ms"], peer.get(row["name"])
        unit = "GiB" if memory else "ms"
        limit = "-" if memory or not row.get("limit_ms") else f"{100 * row['limit_ms'] / row['ms']:.0f} %"
        target = row.get("target") or None
        met = "-" if target is None else "yes" if mine <= target else "no"
        other = "-" if theirs is None else f"{number(theirs)} {unit}"
        ratio = "-" if theirs is None else f"{theirs / mine:.1f}"
        wanted = "-" if target is None else f"{number(target)} {unit}"
        lines_.append(f"| {row['name']} | {number(mine)} {unit} | {limit} | {other} | {ratio} | {wanted} | {met} |")
    return "\n".join(lines_)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ours")
    parser.add_argument("out", nargs="?")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    with open(args.ours) as file:
        ours = [row for row in json.load(file) if row["name"] != "ceilings"]
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cuda.matmul.allow_tf32 = True
    peer, measures = {}, rows()
    for row in ours:
        name = row["name"]
        if name not in measures or args.only not in name:
            continue
        try:
            peer[name] = measures[name]()
        except torch.cuda.OutOfMemoryError:
            print(f"{name}: PyTorch has not enough memory", file=sys.stderr)
        torch.cuda.empty_cache()
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}\n")
    print(table_of(ours, peer))
    if args.out:
        with open(args.out, "w") as file:
            json.dump({"torch": torch.__version__, "device": torch.cuda.get_device_name(), "peer": peer}, file, indent=1)


if __name__ == "__main__":
    main()
