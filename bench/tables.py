#!/usr/bin/env python3
"""Reports of `gattn bench --json` beside peers that were measured, as text or as Markdown.

    python3 bench/tables.py --peers bench-peers.json --markdown bench-forward.json bench-edges.json

--peers is what peers_cuda.py wrote. Needs nothing but Python 3.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json
import os


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def same_mask(row, work):
    return (row["mask"] == work["name"] or
            row["mask"] == "neighborhood2d" and work["name"].startswith("neighborhood2d"))


def peers_of(rows, work):
    """Rows of the same mask, size, heads and dimension, the fastest first."""
    shape = [row for row in rows if all(row[key] == work[key] for key in ("n", "d", "heads")) and same_mask(row, work)]
    return sorted(shape, key=lambda row: row["ms"])


def rates(report):
    return {key: value for key, value in report["limits"].items() if key != "unit"}


def exponents(report):
    """mask -> power of edges."""
    if "exponent" in report:
        return {report["workloads"][0]["mask"]: report["exponent"]}
    return {mask: power for mask, power in report.get("exponents", {}).items() if mask != "unit"}


# ------------------------------------------------------------ text

def print_text(reports, rows):
    """Ours beside the fastest of theirs; returns what was joined."""
    print(f"\n{'mask':36} {'n':>9} {'d':>4} {'ours ms':>9} {'limit ms':>9} {'limit':>6} {'Tflop/s':>8} {'error':>8} "
          f"{'peer ms':>9} {'peer/ours':>9}  peer")
    joined = []
    for report in reports:
        for work in report["workloads"]:
            seconds, best = work["seconds"], next(iter(peers_of(rows, work)), None)
            theirs = f"{best['ms']:9.3f} {best['ms'] / seconds / 1e3:9.2f}  {best['peer']}" if best else ""
            if work["device_bytes_beyond_operands"] > 0 and not best:
                theirs = f"  beyond operands: {work['device_bytes_beyond_operands'] / 2**20:.2f} MiB"
            if "edge_time_of_uniform" in work:
                theirs += f"  {work['edge_time_of_uniform']:.2f} x uniform"
            print(f"{work['name']:36} {work['n']:9} {work['d']:4} {1e3 * seconds:9.3f} {1e3 * work['limit_seconds']:9.3f} "
                  f"{work['fraction_of_limit']:6.1%} {work['operations'] / seconds / 1e12:8.1f} {work['error'] or 0:8.1e} "
                  f"{theirs}")
            joined.append({**work, "peer": best})
        print(f"{report['suite']}: {report['device']}, " +
              ", ".join(f"{key} {value / 1e9:.0f}e9" for key, value in rates(report).items()),
              exponents(report) or "")
    return joined


# ------------------------------------------------------------ Markdown

def size(n):
    """131072 as 2^17, 160000000 as 160 million."""
    if n & (n - 1) == 0:
        return f"2^{n.bit_length() - 1}"
    return f"{n // 10**6} million" if n % 10**6 == 0 else str(n)


def number(value):
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def row_of(work, rows):
    """Cells of one workload; peers in the order of their times."""
    ms = 1e3 * work["seconds"]
    peers = peers_of(rows, work)
    theirs = ", ".join(f"{peer['peer']} {number(peer['ms'])}" for peer in peers)
    ratio = f"{peers[0]['ms'] / ms:.2f} ×" if peers else ""
    name = work["name"].replace("|", "\\|")
    return [f"`{name}`" if "(" in name and ", " not in name else name, size(work["n"]), str(work["heads"]),
            str(work["d"]), number(ms), number(1e3 * work["limit_seconds"]), f"{work['fraction_of_limit']:.0%}",
            number(work["operations"] / work["seconds"] / 1e12),
            "" if work["error"] is None else f"{work['error']:.0e}", theirs, ratio]


RATES = {"copy_bytes": ("copy", "TB/s"), "multiply_add": ("float32", "Tflop/s"), "random_row_bytes": ("random rows", "TB/s"),
         "mma_sync": ("`mma.sync`", "Tflop/s"), "wgmma": ("`wgmma`", "Tflop/s")}
COLUMNS = ["mask", "n", "heads", "d", "ms", "limit ms", "of the limit", "Tflop/s", "error", "peers, ms", "fastest peer / ours"]


def print_rows(head, body):
    """Columns that are empty throughout are left out."""
    kept = [c for c in range(len(head)) if any(row[c] for row in body)]
    for row in [head, ["---"] * len(head)] + body:
        print("| " + " | ".join(row[c] for c in kept) + " |")
    print()


def markdown(report, rows):
    where = "" if report["device"] == "cpu" else "--device cuda "
    print(f"`gattn bench {where}--suite {report['suite']}`, {report['device']}: " +
          ", ".join("{} {:.3g} {}".format(RATES[key][0], value / 1e12, RATES[key][1])
                    for key, value in rates(report).items()) + "\n")
    body = [row_of(work, rows) for work in report["workloads"]]
    if any("edge_time_of_uniform" in work for work in report["workloads"]):
        body = [row + [f"{work['edge_time_of_uniform']:.2f} ×" if "edge_time_of_uniform" in work else ""]
                for row, work in zip(body, report["workloads"])]
        print_rows(COLUMNS + ["time of an edge, of the uniform graph's"], body)
    elif body:
        print_rows(COLUMNS, body)
    for mask, power in exponents(report).items():
        print(f"- `{mask}`: time grows with edges to the power {power:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", help="of gattn bench --json")
    parser.add_argument("--peers", help="of peers_cuda.py --json")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    reports = [load(path) for path in options.reports if os.path.exists(path)]
    rows = load(options.peers)["peers"] if options.peers else []
    if not options.markdown:
        print_text(reports, rows)
        return
    for report in reports:
        markdown(report, rows)


if __name__ == "__main__":
    main()
