"""What the figures depend on besides the programs: processor, kernel, disk."""

import os
import pathlib
import platform
import statistics
import tempfile
import time


def facts(directory):
    """Facts about this machine and about the disk that holds the directory."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "fsync_p50_us": round(_fsync_micros(directory)),
    }


def _processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _fsync_micros(directory, rounds=200):
    """Median time of appending 4 KiB and making it durable: the floor of any write's latency."""
    times = []
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        for _ in range(rounds):
            start = time.perf_counter()
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6
