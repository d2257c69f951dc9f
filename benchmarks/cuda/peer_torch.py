#!/usr/bin/env python3
"""The same work in plain PyTorch on the same GPU, beside the figures of cuda_bench.

    peer_torch.py OURS.json [OUT.json]

The kernel is generated as the minimal S4D does it: a (H, modes, L) Vandermonde matrix in complex64, then a contraction.
Forward is timed in a CUDA graph, as ours is. Forward + backward runs eagerly, with gradients of x and v.
"""
import json
import statistics
import sys

import torch


def median_us(run, calls, rounds=20):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    times = []
    for i in range(rounds + 3):
        begin.record()
        for _ in range(calls):
            run()
        end.record()
        end.synchronize()
        if i >= 3:
            times.append(1e3 * begin.elapsed_time(end) / calls)
    return statistics.median(times)


def in_graph(run, calls=1):
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(calls):
            run()
    return median_us(graph.replay, 1) / calls


def kernel(x, v, positions):
    return 2 * torch.einsum("hn,hnl->hl", v, torch.exp(x.unsqueeze(-1) * positions)).real


def vandermonde(H, modes, L):
    torch.manual_seed(0)
    dt = 0.001 * (1 + 99.0 * torch.arange(H, device="cuda") / H)
    x = torch.complex(-0.5 * dt[:, None].expand(H, modes), torch.pi * torch.arange(modes, device="cuda") * dt[:, None])
    v = torch.randn(H, modes, dtype=torch.complex64, device="cuda")
    positions = torch.arange(L, device="cuda")
    weights = torch.randn(H, L, device="cuda")
    with torch.no_grad():
        forward = in_graph(lambda: kernel(x, v, positions))
    x.requires_grad_()
    v.requires_grad_()

    def both():
        torch.autograd.grad(kernel(x, v, positions), (x, v), weights)

    return forward, median_us(both, 3)


def gelu(n):
    x = torch.randn(n, device="cuda")
    dy = torch.randn(n, device="cuda")
    forward = in_graph(lambda: torch.nn.functional.gelu(x), 4)
    backward = in_graph(lambda: torch.ops.aten.gelu_backward(dy, x), 4)
    return forward, backward


def main():
    ours = {row["name"]: row["us"] for row in json.load(open(sys.argv[1]))}
    peer, rows = {}, []
    for L in (1024, 4096, 16384):
        size = f" float H=256 modes=32 L={L}"
        forward, both = vandermonde(256, 32, L)
        mine = ours["vandermonde" + size]
        rows.append(("vandermonde" + size, mine, forward))
        rows.append(("vandermonde forward+backward" + size, mine + ours["vandermonde backward" + size], both))
    n = 1 << 26
    forward, backward = gelu(n)
    rows.append((f"gelu float n={n}", ours[f"gelu float n={n}"], forward))
    rows.append((f"gelu backward float n={n}", ours[f"gelu backward float n={n}"], backward))

    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}")
    print(f"{'case':<60} {'longwave us':>12} {'torch us':>12} {'torch/ours':>11}")
    for name, mine, theirs in rows:
        print(f"{name:<60} {mine:12.2f} {theirs:12.2f} {theirs / mine:11.1f}")
        peer[name] = {"longwave_us": mine, "torch_us": theirs}
    if len(sys.argv) > 2:
        json.dump({"torch": torch.__version__, "device": torch.cuda.get_device_name(), "cases": peer},
                  open(sys.argv[2], "w"), indent=1)


if __name__ == "__main__":
    main()
