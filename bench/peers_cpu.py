#!/usr/bin/env python3
"""gattn beside PyTorch's attention on the CPU: one run, the same arrays, the same number of threads.

    python3 bench/peers_cpu.py [--mask 'local(256)'] [-n 16384] [-d 64] [--threads 2]

Needs PyTorch (2.5 or later) and NumPy; FlexAttention also needs a C++ compiler. Repeats are interleaved (A B C A B C ...),
so that whatever else the machine does meets all alike; medians count. gattn plans anew in every call, while the dense
mask of SDPA and the block mask of FlexAttention are made beforehand and their time is not counted.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import ctypes
import statistics
import sys
import time

import numpy as np
import torch
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

# The masks as rules on tensors (or arrays) of positions, apart from gattn's own.
MASKS = {
    "local(256)": lambda i, j: abs(i - j) <= 256,
    "dilated(64,4)": lambda i, j: (abs(i - j) <= 256) & ((i - j) % 4 == 0),
    "longformer(256,64)": lambda i, j: (abs(i - j) <= 256) | (i < 64) | (j < 64),
}


class Tensor(ctypes.Structure):  # gattn_tensor
    _fields_ = [("data", ctypes.c_void_p), ("device", ctypes.c_int32), ("type", ctypes.c_int),
                ("rank", ctypes.c_int32), ("reserved", ctypes.c_int32),
                ("shape", ctypes.c_int64 * 4), ("strides", ctypes.c_int64 * 4)]


class ContextOptions(ctypes.Structure):  # gattn_context_options
    _fields_ = [("struct_size", ctypes.c_size_t), ("device", ctypes.c_int32), ("threads", ctypes.c_int32),
                ("isa", ctypes.c_int), ("callbacks", ctypes.c_void_p * 7)]


class AttentionArgs(ctypes.Structure):  # gattn_attention_args
    _fields_ = [("struct_size", ctypes.c_size_t)] + [
        (name, ctypes.POINTER(Tensor)) for name in ("q", "k", "v", "edge_values")] + [
        ("scale", ctypes.c_void_p), ("score", ctypes.c_void_p)] + [
        (name, ctypes.POINTER(Tensor)) for name in ("o", "lse")]


class Gattn:
    """A context of libgattn and a mask in it; attention over float32 tensors of PyTorch, without copies."""

    def __init__(self, path, mask, n, threads):
        self.lib = ctypes.CDLL(path)
        self.lib.gattn_context_message.restype = ctypes.c_char_p
        self.context, self.graph = ctypes.c_void_p(), ctypes.c_void_p()
        options = ContextOptions(struct_size=ctypes.sizeof(ContextOptions), threads=threads)
        self.must(self.lib.gattn_context_create(ctypes.byref(options), ctypes.byref(self.context)))
        self.must(self.lib.gattn_mask_parse(self.context, mask.encode(), ctypes.c_int64(n), ctypes.c_int64(n),
                                            ctypes.byref(self.graph)))

    def must(self, status):
        if status < 0:
            message = self.lib.gattn_context_message(self.context) if self.context else b""
            raise RuntimeError(f"gattn: status {status}: {message.decode()}")

    @staticmethod
    def view(tensor):
        return Tensor(data=tensor.data_ptr(), rank=tensor.dim(), shape=(ctypes.c_int64 * 4)(*tensor.shape),
                      strides=(ctypes.c_int64 * 4)(*tensor.stride()))

    def attention(self, q, k, v):
        o = torch.empty_like(q)
        views = {name: ctypes.pointer(self.view(t)) for name, t in zip("qkvo", (q, k, v, o))}
        args = AttentionArgs(struct_size=ctypes.sizeof(AttentionArgs), **views)
        self.must(self.lib.gattn_attention(self.context, self.graph, None, ctypes.byref(args)))
        return o


def sampled_error(rule, q, k, v, o, samples=64):
    """The largest |o - o64| over sampled rows; o64 in float64 from the rule, one row at a time."""
    q, k, v, o = (t[0, 0].numpy().astype(np.float64) for t in (q, k, v, o))
    n, d = q.shape
    worst = 0.0
    for i in {int(x) for x in np.linspace(0, n - 1, samples)}:
        keys = np.nonzero(rule(i, np.arange(n)))[0]
        s = k[keys] @ q[i] / np.sqrt(d)
        weights = np.exp(s - s.max())
        worst = max(worst, float(np.abs(weights @ v[keys] / weights.sum() - o[i]).max()))
    return worst


def peers(options, q, k, v):
    """name -> a call that computes o. What cannot be made is reported and left out."""
    rule, n = MASKS[options.mask], options.n
    found = {}
    mine = Gattn(options.library, options.mask, n, options.threads)
    found["gattn"] = lambda: mine.attention(q, k, v)
    i = torch.arange(n, dtype=torch.int32)
    dense = rule(i[:, None], i[None, :])
    found["SDPA, boolean mask"] = lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=dense)
    try:
        block = create_block_mask(lambda b, h, i, j: rule(i, j), 1, 1, n, n, device="cpu")
        flex = torch.compile(flex_attention)
        found["FlexAttention, compiled"] = lambda: flex(q, k, v, block_mask=block)
        found["FlexAttention, compiled"]()
    except Exception as error:  # whatever its compiler says
        found.pop("FlexAttention, compiled", None)
        print(f"FlexAttention, compiled: FAILED: {(str(error).strip() or repr(error)).splitlines()[0]}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mask", choices=MASKS, default="local(256)")
    parser.add_argument("-n", type=int, default=16384)
    parser.add_argument("-d", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=11)
    parser.add_argument("--library", default="./.libs/libgattn.so")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(7)
    with torch.inference_mode():
        q, k, v = (torch.randn(1, 1, options.n, options.d) for _ in range(3))
        calls = peers(options, q, k, v)
        outputs = {name: call() for name, call in calls.items()}  # warms up, too
        times = {name: [] for name in calls}
        for _ in range(options.repeat):
            for name, call in calls.items():
                time.sleep(0.02)  # the threads of the one before go to sleep
                start = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - start)
    print(f"{options.mask}, n = {options.n}, d = {options.d}, float32, {options.threads} threads, "
          f"median of {options.repeat}, PyTorch {torch.__version__}")
    print(f"{'':26} {'ms':>10} {'fastest':>10} {'/ gattn':>8} {'|o - gattn|':>12} {'|o - float64|':>14}")
    median = {name: statistics.median(t) for name, t in times.items()}
    worst = 0.0
    for name, o in outputs.items():
        apart = float((o - outputs["gattn"]).abs().max())
        error = sampled_error(MASKS[options.mask], q, k, v, o)
        worst = max(worst, apart, error)
        print(f"{name:26} {1e3 * median[name]:10.2f} {1e3 * min(times[name]):10.2f} "
              f"{median[name] / median['gattn']:8.2f} {apart:12.1e} {error:14.1e}")
    if not worst < 1e-4:
        sys.exit("the outputs do not agree")


if __name__ == "__main__":
    main()
