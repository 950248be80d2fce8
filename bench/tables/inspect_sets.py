"""Findings of `handful inspect` on the data sets of the tables as they are, without planted faults.

A set that this commit has looked at already is passed over; an older look at it is replaced.
"""

import json
import time
from typing import Any

from bench.document import read as read_lines
from bench.support.data import cells, cifar10, cifar100, hrf, mini_imagenet, mnist
from bench.support.options import Options
from bench.support.record import RESULTS, append, commit
from handful.core.dataset import Dataset
from handful.data.fingerprint import fingerprint
from handful.inspection.inspection import Inspection, inspect
from handful.inspection.summary import count_findings, describe_limits, overview

TABLE = "inspect-sets"
SETS = {
    "white blood cells": cells,
    "HRF": hrf,
    "mini-ImageNet": mini_imagenet,
    "CIFAR-10": cifar10,
    "CIFAR-100": cifar100,
    "MNIST": mnist,
}


def run(options: Options) -> None:
    """The small sets first; quick: 20 images of each."""
    log = RESULTS / f"{TABLE}.jsonl"
    for name, read in SETS.items():
        data = read(options.folder())
        if options.quick:
            data = data.select(range(0, len(data), max(1, len(data) // 20)))
        older = read_lines(log)
        mark = fingerprint(data)
        if any(line["data"] == name and (line["commit"], line["mark"]) == (commit(), mark) for line in older):
            continue
        start = time.perf_counter()
        found = inspect(data)
        line = told(name, mark, data, found, time.perf_counter() - start)
        print(f"\n{name}: {overview(found)} {line['seconds']:.0f} s. {count_findings(found.findings)}")
        for finding in line["findings"]:
            print(f"  {finding['severity']}  {finding['finding']}")
        if not options.quick:
            kept = [json.dumps(old) for old in older if old["data"] != name]
            RESULTS.mkdir(exist_ok=True)
            log.write_text("".join(f"{text}\n" for text in kept), encoding="utf-8")
            append(TABLE, line)


def told(name: str, mark: str, data: Dataset, found: Inspection, seconds: float) -> dict[str, Any]:
    """A set's line."""
    findings = [
        {"severity": f.severity, "kind": f.kind, "finding": f.message, "places": len(f.where)} for f in found.findings
    ]
    return {
        "data": name,
        "mark": mark,
        "images": len(data),
        "seconds": round(seconds, 1),
        "findings": findings,
        "outlook": describe_limits(found),
    }
