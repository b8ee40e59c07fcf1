#!/usr/bin/env python3
"""Attention of PyTorch and cuDNN over the masks of `gattn bench --device cuda`, and both side by side.

    ./gattn bench --device cuda --suite forward --json > forward.json
    ./gattn bench --device cuda --suite edges --json > edges.json
    python3 bench/peers_cuda.py --ours forward.json edges.json [--json peers.json] [--seconds 240] [--only flex64,cudnn,...]

Run one after another on one idle device. Needs PyTorch with FlexAttention (2.5 or later); cuDNN's sliding windows come
through JAX, where that is installed. float16, forward, without the log-sum-exp; medians of at least ten runs after three.
Block masks and compilation are not counted, and no peer is asked for what it cannot do. Every FlexAttention result is
held against float64 on sampled rows. What does not fit into --seconds is left out and named.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import gc
import json
import os
import sys
import time
import warnings

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
warnings.filterwarnings("ignore")

import tables
import torch
import torch.nn.functional as functional
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

DEVICE = "cuda"


def documents(n):
    """Starts of documents of 200 to 4000 tokens, those of gattn bench."""
    state, start, starts = 7, 0, [0]
    while True:
        state = (state * 1664525 + 1013904223) % 2**32
        start += 200 + (state >> 8) % 3801
        if start >= n:
            return starts
        starts.append(start)


def document_of(n):
    numbers = torch.zeros(n, dtype=torch.int32)
    numbers[torch.tensor(documents(n)[1:], dtype=torch.int64)] = 1
    return numbers.cumsum(0).to(torch.int32).to(DEVICE)


def random_blocks(blocks, k, seed):
    """k distinct key blocks for every query block."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(blocks, blocks, generator=generator).topk(k, dim=1).indices
    mask = torch.zeros(blocks, blocks, dtype=torch.bool)
    return mask.scatter_(1, chosen, True)


def bigbird_blocks(n):
    """bigbird(64, 1, 2, 3, …) over blocks of 64."""
    blocks = n // 64
    mask = random_blocks(blocks, 3, 7)
    i = torch.arange(blocks)
    mask |= (i[:, None] - i[None, :]).abs() <= 1
    mask[:2], mask[:, :2] = True, True
    return mask


def window(i, size, extent):
    """Where a window of `size` around i begins, shifted so that it stays inside."""
    return torch.clamp(i - size // 2, 0, extent - size)


def masks(n):
    """name -> (rule on tensors of positions, made when it is needed; head dimensions)."""
    def band(left, right):
        return lambda: lambda b, h, q, k: (k - q <= right) & (q - k <= left)

    def of_blocks(make, size):
        def rule():
            blocks = make().to(DEVICE)
            return lambda b, h, q, k: blocks[q // size, k // size]
        return rule

    def of_documents(causal):
        def rule():
            number = document_of(n)
            if causal:
                return lambda b, h, q, k: (number[q] == number[k]) & (q >= k)
            return lambda b, h, q, k: number[q] == number[k]
        return rule

    def neighborhood():
        height = int(n**0.5)
        while n % height:
            height -= 1
        width = n // height

        def rule(b, h, q, k):
            y, x = window(q // width, 13, height), window(q % width, 13, width)
            return (k // width >= y) & (k // width < y + 13) & (k % width >= x) & (k % width < x + 13)
        return rule

    found = {f"local({w})": (band(w, w), (64,) if w == 64 else (64, 128)) for w in (256, 64, 1024)}
    found["dilated(64,4)"] = (lambda: lambda b, h, q, k: ((q - k).abs() <= 256) & ((q - k) % 4 == 0), (64,))
    found["longformer(256,64)"] = (lambda: lambda b, h, q, k: ((q - k).abs() <= 256) | (q < 64) | (k < 64), (64,))
    found["bigbird(64,1,2,3,7)"] = (of_blocks(lambda: bigbird_blocks(n), 64), (64,))
    found["documents of 200 to 4000"] = (of_documents(False), (64, 128))
    found["documents of 200 to 4000 & causal"] = (of_documents(True), (64, 128))
    found["neighborhood2d"] = (neighborhood, (64,))
    blocks = n // 128
    found[f"randomblocks(128,{max(1, blocks // 51)},7)"] = (
        of_blocks(lambda: random_blocks(blocks, max(1, blocks // 51), 7), 128), (64,))
    found.update({f"local({w},0)": (band(w, 0), (64, 128)) for w in (255, 1023)})
    return found


def median_ms(call, warm=3, laps=10):
    """Events around every call, and nobody waits in between."""
    for _ in range(warm):
        call()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(laps + 1)]
    marks[0].record()
    for mark in marks[1:]:
        call()
        mark.record()
    torch.cuda.synchronize()
    times = sorted(a.elapsed_time(b) for a, b in zip(marks, marks[1:]))
    return (times[(laps - 1) // 2] + times[laps // 2]) / 2


def sampled_error(rule, q, k, v, o, samples=4):
    """The largest |o - o64| over sampled rows of two heads."""
    n, worst = q.shape[2], 0.0
    keys = torch.arange(n, device=DEVICE)
    for head in (0, q.shape[1] - 1):
        for i in torch.linspace(0, n - 1, samples).long().tolist():
            kept = rule(0, head, torch.tensor(i, device=DEVICE), keys).nonzero()[:, 0]
            scores = k[0, head, kept].double() @ q[0, head, i].double() / q.shape[3]**0.5
            expected = scores.softmax(0) @ v[0, head, kept].double()
            worst = max(worst, float((expected - o[0, head, i].double()).abs().max()))
    return worst


def operands(heads, rows, keys, d):
    torch.manual_seed(7)
    return [torch.randn(1, heads, n, d, device=DEVICE, dtype=torch.float16) for n in (rows, keys, keys)]


class Report:
    """Rows as they come, until the time is spent."""

    def __init__(self, seconds):
        self.rows, self.left_out, self.begun, self.end = [], [], time.time(), time.time() + seconds

    def take(self, peer, mask, n, heads, d, measure):
        name = f"{peer}: {mask} n={n} d={d}"
        if time.time() > self.end:
            self.left_out.append(name)
            return
        try:
            row = {"peer": peer, "mask": mask, "n": n, "heads": heads, "d": d, **measure()}
        except Exception as error:  # whatever its compiler says
            text = (str(error).strip() or repr(error)).splitlines()[0][:120]
            print(f"{name}: FAILED: {text}", flush=True)
            return
        finally:
            gc.collect()
            torch.cuda.empty_cache()
        self.rows.append(row)
        more = f"  mask {row['mask_ms']:.1f} ms" if "mask_ms" in row else ""
        more += f"  error {row['error']:.1e}" if "error" in row else ""
        print(f"{peer:16} {mask:34} {n:8} {heads:2} {d:4} {row['ms']:9.3f} ms{more}"
              f"  at {time.time() - self.begun:.0f} s", flush=True)


def flex(report, n, heads, wanted):
    """Each mask compiled apart: after eight of them FlexAttention would fall back to its uncompiled path."""
    for name, (make, dims) in masks(n).items():
        for d in set(dims) & {wanted}:
            def measure():
                torch._dynamo.reset()
                rule = make()
                compiled = torch.compile(flex_attention)
                build = torch.compile(create_block_mask)
                build(rule, None, None, n, n, device=DEVICE)
                torch.cuda.synchronize()
                start = time.perf_counter()
                block = build(rule, None, None, n, n, device=DEVICE)
                torch.cuda.synchronize()
                mask_ms = 1e3 * (time.perf_counter() - start)
                q, k, v = operands(heads, n, n, d)
                with torch.no_grad():
                    call = lambda: compiled(q, k, v, block_mask=block)
                    error = sampled_error(rule, q, k, v, call())
                    return {"ms": median_ms(call), "mask_ms": mask_ms, "error": error}
            report.take("FlexAttention", name, n, heads, d, measure)


def cudnn(report, n, heads):
    """cuDNN's sliding windows, as JAX offers them."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        print("cuDNN's windows: no JAX here", flush=True)
        return
    for d in (64, 128):
        for left, right in ((255, 0), (1023, 0), (256, 256), (1024, 1024)):
            def measure():
                keys = jax.random.split(jax.random.PRNGKey(0), 3)
                q, k, v = (jax.random.normal(x, (1, n, heads, d), dtype=jnp.float16) for x in keys)
                call = jax.jit(lambda q, k, v: jax.nn.dot_product_attention(
                    q, k, v, is_causal=not right, local_window_size=(left + 1, 0) if not right else (left, right),
                    implementation="cudnn"))
                call(q, k, v).block_until_ready()
                times = []
                for _ in range(10):
                    start = time.perf_counter()
                    for _ in range(5):
                        o = call(q, k, v)
                    o.block_until_ready()
                    times.append((time.perf_counter() - start) / 5 * 1e3)
                return {"ms": sorted(times)[5]}
            name = f"local({left},{right})" if left != right else f"local({left})"
            report.take("cuDNN (JAX)", name, n, heads, d, measure)


def dense(report):
    """What dense attention reaches, and one query over a million keys."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    for d in (64, 128):
        def measure():
            q, k, v = operands(8, 32768, 32768, d)
            with sdpa_kernel(SDPBackend.CUDNN_ATTENTION), torch.no_grad():
                return {"ms": median_ms(lambda: functional.scaled_dot_product_attention(q, k, v))}
        report.take("cuDNN (SDPA)", "full", 32768, 8, d, measure)

    def decode():
        q, k, v = operands(8, 1, 1 << 20, 64)
        with torch.no_grad():
            return {"ms": median_ms(lambda: functional.scaled_dot_product_attention(q, k, v))}
    report.take("SDPA", "full, frontier last:1", 1 << 20, 8, 64, decode)


def bits_of(draws):
    """SplitMix64's output function, as gattn bench has it; int64 stands for uint64."""
    def shifted(x, by):
        return (x >> by) & ((1 << (64 - by)) - 1)
    x = (draws + 1) * -0x61c8864680b583eb
    x = (x ^ shifted(x, 30)) * -0x40a7b892e31b1a47
    x = (x ^ shifted(x, 27)) * -0x6b2fb644ecceee15
    return x ^ shifted(x, 31)


def rmat(n):
    """The graph of gattn bench: 32 n edges of the recursive matrix, duplicates dropped."""
    levels = n.bit_length() - 1
    edges = torch.arange(32 * n, device=DEVICE)
    row, column = torch.zeros_like(edges), torch.zeros_like(edges)
    for level in range(levels):
        if level % 4 == 0:
            bits = bits_of(edges * 16 + level // 4)
        pick = bits & 0xffff
        right = ((pick >= 37356) & (pick < 49808)) | (pick >= 62260)
        row, column = 2 * row + (pick >= 49808), 2 * column + right
        bits = bits >> 16
    mask = (1 << levels) - 1
    row, column = ((x * 0x9e3779b1 + 12345) & mask for x in (row, column))
    return torch.unique(row * n + column)


def mesh(n):
    """neighborhood2d(…, 5, 5) of the squarest grid."""
    height = int(n**0.5)
    while n % height:
        height -= 1
    width = n // height
    i, side = torch.arange(n, device=DEVICE), torch.arange(5, device=DEVICE)
    y = window(i // width, 5, height)[:, None, None] + side[None, :, None]
    x = window(i % width, 5, width)[:, None, None] + side[None, None, :]
    return (i[:, None] * n + (y * width + x).reshape(n, 25)).reshape(-1)


def random_keys(n, degree):
    """As many for every row, a few of them twice."""
    i = torch.arange(n, device=DEVICE)[:, None]
    return (i * n + torch.randint(0, n, (n, degree), device=DEVICE)).reshape(-1).sort().values


def with_hub(n):
    all_of = torch.arange(n, device=DEVICE)
    return torch.unique(torch.cat([random_keys(n, 32), all_of, all_of * n]))


def band_and_random(n):
    i, j = torch.arange(n, device=DEVICE)[:, None], torch.arange(-8, 9, device=DEVICE)[None, :]
    band = (i * n + i + j)[(i + j >= 0) & (i + j < n)]
    return torch.unique(torch.cat([band, random_keys(n, 16)]))


GRAPHS = {"random(32,7)": lambda n: random_keys(n, 32), "R-MAT, 32 edges a vertex": rmat,
          "random(32,7) | global(0), as edges": with_hub, "mesh, 25 edges a vertex": mesh,
          "local(8) | random(16,7), as edges": band_and_random}


def cusparse(keys, n, d):
    """Three steps in float32 over the graph of sorted row * n + column."""
    rows, columns = keys // n, keys % n
    offsets = torch.searchsorted(rows, torch.arange(n + 1, device=DEVICE))
    degrees = offsets[1:] - offsets[:-1]
    q, k, v = (torch.randn(n, d, device=DEVICE) for _ in range(3))
    pattern = torch.sparse_csr_tensor(offsets, columns, torch.zeros(len(keys), device=DEVICE), (n, n))

    def softmax(scores):
        largest = torch.segment_reduce(scores, "max", lengths=degrees, unsafe=True)
        weights = (scores - largest[rows]).exp()
        return weights / torch.segment_reduce(weights, "sum", lengths=degrees, unsafe=True)[rows]

    def alike(scores):
        return scores.view(n, -1).softmax(1).reshape(-1)
    chosen = alike if bool((degrees == degrees[0]).all()) else softmax

    def call():
        scores = torch.sparse.sampled_addmm(pattern, q, k.t(), beta=0, alpha=d**-0.5)
        return torch.sparse_csr_tensor(offsets, columns, chosen(scores.values()), (n, n)) @ v
    return {"ms": median_ms(call), "edges": len(keys)}


def gather(n, degree, d):
    """Random keys in PyTorch's own words."""
    columns = torch.randint(0, n, (n, degree), device=DEVICE).sort(1).values
    q, k, v = (torch.randn(n, d, device=DEVICE, dtype=torch.float16) for _ in range(3))

    def call():
        scores = torch.einsum("nd,nkd->nk", q, k[columns]) * d**-0.5
        return torch.einsum("nk,nkd->nd", scores.softmax(1), v[columns])
    return {"ms": median_ms(call)}


def edge_lists(report, sizes=(131072, 1048576), d=64):
    for n in sizes:
        for name, make in GRAPHS.items():
            report.take("cuSPARSE fp32", name, n, 1, d, lambda: cusparse(make(n), n, d))
        report.take("PyTorch gather", "random(32,7)", n, 1, d, lambda: gather(n, 32, d))


def limits():
    """Copy bandwidth and matrix rate by PyTorch's own kernels."""
    x = torch.randn(1 << 29, device=DEVICE, dtype=torch.float16)
    y = torch.empty_like(x)
    copy = 4 * x.numel() / median_ms(lambda: y.copy_(x)) / 1e6
    del x, y
    a, b = (torch.randn(8192, 8192, device=DEVICE, dtype=torch.float16) for _ in range(2))
    product = 2 * 8192**3 / median_ms(lambda: a @ b) / 1e9
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}: copy {copy:.0f} GB/s, "
          f"float16 product {product:.0f} Tflop/s", flush=True)
    return {"copy_gb": copy, "product_tflops": product}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", nargs="*", default=[], help="reports of gattn bench --json")
    parser.add_argument("--json", help="where to write all of it")
    parser.add_argument("--seconds", type=float, default=240, help="start no measurement after so many")
    parser.add_argument("--only", default="flex64,cudnn,edges,dense,flex128", help="kinds of peers, in this order")
    parser.add_argument("-n", type=int, default=131072)
    parser.add_argument("--heads", type=int, default=8)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit(77)
    kinds = {"flex64": lambda r: flex(r, options.n, options.heads, 64),
             "flex128": lambda r: flex(r, options.n, options.heads, 128),
             "cudnn": lambda r: cudnn(r, options.n, options.heads), "dense": dense, "edges": edge_lists}
    report = Report(options.seconds)
    machine = limits()
    for kind in options.only.split(","):
        kinds[kind](report)
    ours = [tables.load(path) for path in options.ours if os.path.exists(path)]
    joined = tables.print_text(ours, report.rows) if ours else []
    for name in report.left_out:
        print(f"left out for want of time: {name}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": machine, "peers": report.rows, "joined": joined, "left_out": report.left_out}, file)


if __name__ == "__main__":
    main()
