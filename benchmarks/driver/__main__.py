"""What a trial costs the driver: `python -m benchmarks.driver --trials 10000`."""

import argparse
import os
import tempfile
import time
from pathlib import Path

from benchmarks.driver.study import run_study

p = argparse.ArgumentParser()
p.add_argument("--trials", type=int, default=1000)
p.add_argument("--sampler", default="random")
p.add_argument("--pruner", default="none")
p.add_argument("--every", type=int, default=100)
a = p.parse_args()
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
t = tempfile.mkdtemp()
os.chdir(t)
last = [time.perf_counter(), {}]


def told(n, parts):
    if n % a.every == 0:
        now = time.perf_counter()
        d = {k: round(1000 * (v - last[1].get(k, 0)) / a.every, 2) for k, v in parts.cpu.items()}
        print(n, round(1000 * (now - last[0]) / a.every, 1), "ms wall", d, flush=True)
        last[0] = now
        last[1] = dict(parts.cpu)


parts = run_study(Path.cwd(), a.trials, a.sampler, a.pruner, told)
print({k: round(1000 * v / a.trials, 2) for k, v in parts.wall.items()})
