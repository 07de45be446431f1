"""What a server process holds and uses."""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import time

# A JVM with thousands of threads on a busy machine takes its time.
ANSWER_SECONDS = 120


def cpu_seconds(pid):
    """The CPU time of a process so far, threads that ended included, in the kernel's resolution of its scheduler.

    The clock is that of clock_getcpuclockid(3), for which Python has no function: the id's complement, shifted over the
    clock's kind.
    """
    return time.clock_gettime(~pid << 3 | 2)


def holdings(pid):
    """Resident memory in bytes (of that, what isn't backed by files), threads, open files."""
    status = dict(line.split(":", 1) for line in _text(pid, "status").splitlines())
    return {
        "rss_bytes": _kib(status["VmRSS"]),
        "rss_anonymous_bytes": _kib(status["RssAnon"]),
        "threads": int(status["Threads"]),
        "open_files": len(os.listdir(f"/proc/{pid}/fd")),
    }


def find_jcmd(distribution):
    """The Java runtime's tool that talks to a running JVM, or None."""
    own = distribution / "runtime" / "bin" / "jcmd"
    return own if own.exists() else shutil.which("jcmd")


def collect_garbage(jcmd, pid):
    """Makes a JVM collect all its garbage; returns the bytes of its heap that are in use then and those it has committed."""
    _ask(jcmd, pid, "GC.run")
    return heap(_ask(jcmd, pid, "GC.heap_info"))


def heap(info):
    """From the answer of GC.heap_info."""
    committed, used = re.search(r"committed (\d+)K, used (\d+)K", info).groups()
    return {"heap_used_bytes": int(used) * 1024, "heap_committed_bytes": int(committed) * 1024}


def thread_names(jcmd, pid):
    """{name with numbers replaced: how many}. The kernel cuts names off after 15 characters; a JVM knows those of its own
    threads whole."""
    names = whole_names(_ask(jcmd, pid, "Thread.print")) if jcmd else {}
    counts = collections.Counter()
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (thread / "comm").read_text(encoding="utf-8").strip()
        except OSError:
            continue  # ended meanwhile
        counts[pattern_of(names.get(int(thread.name), name))] += 1
    return dict(counts)


def whole_names(dump):
    """{thread's id: name} from a thread dump."""
    return {int(thread): name for name, thread in re.findall(r'^"(.*)" .*\bnid=(\d+)', dump, re.MULTILINE)}


def pattern_of(name):
    """The name of a thread without what tells it from others of its kind."""
    # A node is named by its id, a tilde and a number in hexadecimal.
    name = re.sub(r"\b[\w.-]+~[0-9a-f]+", "node", name)
    return re.sub(r"\d+", "N", re.sub(r"group-[0-9A-F]{12}", "group-N", name))


def _ask(jcmd, pid, question):
    return subprocess.run([jcmd, str(pid), question], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True,
                          timeout=ANSWER_SECONDS).stdout


def _text(pid, file):
    return pathlib.Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8")


def _kib(text):
    return int(text.split()[0]) * 1024
