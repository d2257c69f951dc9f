"""A training step of the SSSD network in PyTorch, to compare benchmarks/models/sssd_bench.cpp with.

The structure is that of the paper (Lopez Alcaraz and Strodthoff 2023): S4 of diagonal plus low rank with constant A, B,
P and dt, bidirectional, GELU, a linear map, residual and LayerNorm; weight norm on every convolution. The Cauchy sums
have two forms: `sums` divides and adds up over the modes, as the published code does without its CUDA extension;
`products` turns them into products of matrices, which is the faster way to write them.

    OMP_NUM_THREADS=2 python3 sssd_peer.py [--cauchy sums|products] [--blocks 24] [--batch 32] [--length 200]
"""
import argparse
import math
import os
import time

import torch
from torch import nn
from torch.nn.utils import weight_norm

F = torch.nn.functional


class S4(nn.Module):
    cauchy = "sums"

    def __init__(self, width, d_state, length):
        super().__init__()
        half = d_state // 2
        self.length = length
        self.C = nn.Parameter(torch.randn(2, width, half, 2) * math.sqrt(0.5))
        self.D = nn.Parameter(torch.randn(width))
        self.out = nn.Linear(width, width)
        steps = torch.exp(torch.rand(width, 1) * math.log(100.0) + math.log(1e-3))
        poles = -0.5 + 1j * math.pi * (torch.arange(half) + 0.3)
        self.register_buffer("B", torch.view_as_real(torch.randn(width, half, dtype=torch.cfloat)))
        self.register_buffer("P", torch.view_as_real(torch.randn(width, half, dtype=torch.cfloat)))
        self.register_buffer("w", torch.view_as_real(poles.repeat(width, 1) * steps))
        self.register_buffer("steps", steps)
        omega = torch.exp(-2j * math.pi / length * torch.arange(length // 2 + 1))
        self.register_buffer("omega", torch.view_as_real(omega))
        self.register_buffer("z", torch.view_as_real(2 * (1 - omega) / (1 + omega + 1e-7)))

    def kernel(self):
        view = torch.view_as_complex
        B, P, w, C = view(self.B), view(self.P), view(self.w), view(self.C)
        omega, z = view(self.omega), view(self.z)
        left = torch.stack([B, P]) * self.steps  # (2, H, N)
        right = torch.cat([C, P.conj()[None]])  # (3, H, N)
        v = left[:, None] * right[None]  # (2, 3, H, N)
        if self.cauchy == "sums":
            v, w = torch.cat([v, v.conj()], dim=-1), torch.cat([w, w.conj()], dim=-1)
            r = (v[..., None] / (z - w[..., None])).sum(dim=-2)  # (2, 3, H, 2N, L/2 + 1) on the way
        else:
            below = 1 / (z[None, None] - w[..., None])  # (H, N, L/2 + 1)
            below_conj = 1 / (z[None, None] - w.conj()[..., None])
            r = torch.einsum("abhn,hnl->abhl", v, below) + torch.einsum("abhn,hnl->abhl", v.conj(), below_conj)
        k = r[0, :2] - r[0, 2:] * r[1, :2] / (1 + r[1, 2:])
        return torch.fft.irfft(k * 2 / (1 + omega + 1e-7), n=self.length)

    def forward(self, u):  # (B, H, L)
        length = u.shape[-1]
        k = self.kernel()
        k = F.pad(k[0], (0, length)) + F.pad(k[1].flip(-1), (length, 0))
        y = torch.fft.irfft(torch.fft.rfft(u, n=2 * length) * torch.fft.rfft(k, n=2 * length), n=2 * length)
        y = F.gelu(y[..., :length] + u * self.D[:, None])
        return self.out(y.transpose(1, 2)).transpose(1, 2)


class S4Layer(nn.Module):
    def __init__(self, width, d_state, length):
        super().__init__()
        self.s4 = S4(width, d_state, length)
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        return self.norm((self.s4(x) + x).transpose(1, 2)).transpose(1, 2)


def conv(i, o, taps=1):
    return weight_norm(nn.Conv1d(i, o, taps, padding=taps // 2))


class Block(nn.Module):
    def __init__(self, width, d_state, length):
        super().__init__()
        self.step = nn.Linear(512, width)
        self.wide = conv(width, 2 * width, 3)
        self.first, self.second = S4Layer(2 * width, d_state, length), S4Layer(2 * width, d_state, length)
        self.cond, self.res, self.skip = conv(2, 2 * width), conv(width, width), conv(width, width)

    def forward(self, x, cond, step):
        h = self.first(self.wide(x + self.step(step)[:, :, None]))
        h = self.second(h + self.cond(cond))
        a, b = h.chunk(2, dim=1)
        g = torch.tanh(a) * torch.sigmoid(b)
        return (x + self.res(g)) * math.sqrt(0.5), self.skip(g)


class Net(nn.Module):
    def __init__(self, blocks, width, d_state, length):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(128, 512), nn.SiLU(), nn.Linear(512, 512), nn.SiLU())
        self.start = conv(1, width)
        self.blocks = nn.ModuleList(Block(width, d_state, length) for _ in range(blocks))
        self.mix, self.last = conv(width, width), nn.Conv1d(width, 1, 1)

    def forward(self, x, cond, mask, step):
        cond = torch.cat([cond * mask, mask], dim=1)
        f = torch.exp(-math.log(10000) * torch.arange(64) / 63)
        step = self.embed(torch.cat([torch.sin(step[:, None] * f), torch.cos(step[:, None] * f)], dim=1))
        h, total = F.relu(self.start(x)), 0
        for block in self.blocks:
            h, skip = block(h, cond, step)
            total = total + skip
        return self.last(F.relu(self.mix(total * math.sqrt(1 / len(self.blocks)))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--blocks", type=int, default=24)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--cauchy", choices=["sums", "products"], default="sums")
    args = parser.parse_args()
    S4.cauchy = args.cauchy
    torch.manual_seed(1)
    net = Net(args.blocks, 128, 64, args.length)
    adam = torch.optim.Adam(net.parameters(), lr=2e-4)
    x = torch.randn(args.batch, 1, args.length)
    mask = (torch.arange(args.length) % 20 != 0).float().expand_as(x)
    step = torch.randint(0, 200, (args.batch,)).float()
    print("torch", torch.__version__, "threads", torch.get_num_threads(), flush=True)
    for _ in range(args.steps):
        cpu, wall = sum(os.times()[:2]), time.time()
        noise = torch.randn_like(x)
        missing = 1 - mask
        eps = net(x * mask + noise * missing, x, mask, step)
        loss = (((eps - noise) * missing) ** 2).sum() / missing.sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        print(f"wall {1e3 * (time.time() - wall):.0f} ms, cpu {1e3 * (sum(os.times()[:2]) - cpu):.0f} ms", flush=True)


if __name__ == "__main__":
    main()
