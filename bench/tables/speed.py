"""Every speed table, one after the other; each also runs alone (`python -m bench speed-loop`)."""

from bench.support.options import Options, run_table

PARTS = tuple(f"speed-{name}" for name in ("loop", "loader", "layout", "help", "memory", "threads", "frozen", "run"))


def run(options: Options) -> None:
    """Ratios within one run, medians over rounds with least and most; lines go to bench/results/speed.jsonl."""
    for part in PARTS:
        run_table(part, options)
