"""Runs the load generator."""

import json
import subprocess

import clusters

# A warm-up ends when a window costs more than this part of the one before it.
STEADY = 0.95
WARM_UP_SECONDS_MAX = 180


def load(root, cluster, what, *flags):
    """One run against a cluster; returns its result. `what` names the run in an error."""
    command = [
        root / ".tools" / "loadgen",
        f"--endpoints={','.join(cluster.endpoints)}",
        f"--pids={','.join(map(str, cluster.pids()))}",
        *flags,
    ]
    if cluster.client_files:
        files = cluster.client_files
        command += [f"--cacert={files.ca}", f"--cert={files.certificate}", f"--key={files.key}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise clusters.ClusterError(f"load generator failed on {cluster.name}, {what}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def until_steady(run, seconds, once=False):
    """Calls `run`, which puts load on a cluster for so many seconds, until one window costs hardly less CPU than the one
    before: a JVM that compiles costs several times as much, for a minute or two under a load that takes the whole machine.

    Returns the seconds that were spent, the CPU per operation of the last window, and whether that was steady.
    """
    spent = 0
    before = None
    while True:
        cost = run()["server_cpu_us_per_op"]
        spent += seconds
        steady = before is not None and cost > STEADY * before
        if once or steady or spent >= WARM_UP_SECONDS_MAX:
            return spent, cost, steady
        before = cost
