"""Every speed table, one after the other; each also runs alone (`python -m bench speed-loop`)."""

from bench.support.options import Options, run_table

PARTS = ("speed-loop", "speed-loader", "speed-layout", "speed-help", "speed-memory", "speed-threads", "speed-frozen")


def run(options: Options) -> None:
    """Ratios within one run, medians over rounds with least and most; lines go to bench/results/speed.jsonl."""
    for part in PARTS:
        run_table(part, options)
