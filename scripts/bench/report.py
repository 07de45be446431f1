"""Medians, bars and the table."""

import statistics

# The bars: (row, metric, most that Lattice's median may be, as a multiple of etcd's).
BARS = (
    ("put-1000", "server_cpu_us_per_op", 0.45),
    ("put-100", "server_cpu_us_per_op", 0.40),
    ("get-linearizable-100", "server_cpu_us_per_op", 0.25),
    ("get-serializable-100", "server_cpu_us_per_op", 0.20),
    ("get-serializable-100-mtls", "server_cpu_us_per_op", 0.15),
    ("put-1", "p50_us", 1.6),
    ("watch-one-key-10000", "server_cpu_us_per_op", 0.33),
    ("watch-one-key-10000", "p99_us", 1.0),
    ("watch-prefixes-1000", "server_cpu_us_per_op", 0.33),
    ("watch-prefixes-1000", "p99_us", 1.0),
    ("watch-latency-2000", "server_cpu_us_per_op", 0.33),
    ("watch-latency-2000", "p99_us", 1.0),
    ("keepalive-100000", "server_cpu_us_per_op", 0.33),
    ("keepalive-100000", "p99_us", 1.0),
    ("revoke-100000", "p99_us", 1.0),
    ("expiry-100000", "p99_us", 1.0),
)
# Row name up to the first hyphen -> what an operation is.
UNITS = {"watch": "event", "keepalive": "keepalive", "expiry": "lease"}
METRICS = ("throughput_per_s", "p50_us", "p99_us", "server_cpu_us_per_op", "client_cpu_us_per_op")


def value_of(result, metric):
    return result["latency"][metric] if metric in result["latency"] else result[metric]


def unit_of(row):
    """What the row counts, and its CPU time is divided by."""
    return UNITS.get(row.split("-")[0], "operation")


def line_of(row, result):
    text = (f"{result['throughput_per_s']:.0f}/s, p50 {result['latency']['p50_us'] / 1000:.2f} ms, "
            f"server CPU {result['server_cpu_us_per_op']:.1f} us per {unit_of(row)}")
    for count in ("errors", "misses"):
        if result[count]:
            text += f", {result[count]} {count}"
    return text


def summarise(results):
    """{row: {"unit", "sides": {side: {metric: {"median", "spread"}}}, "ratios": {metric: lattice / etcd}}}

    The spread is (largest - smallest) / median over the rounds.
    """
    summary = {}
    for row, sides in results.items():
        figures = {side: {metric: _median_and_spread([value_of(one, metric) for one in rounds]) for metric in METRICS}
                   for side, rounds in sides.items()}
        for side, rounds in sides.items():
            for count in ("errors", "misses"):
                figures[side][count] = sum(one[count] for one in rounds)
        ratios = {}
        if "etcd" in figures and "lattice" in figures:
            ratios = {metric: figures["lattice"][metric]["median"] / figures["etcd"][metric]["median"]
                      for metric in METRICS}
        summary[row] = {"unit": unit_of(row), "sides": figures, "ratios": ratios}
    return summary


def _median_and_spread(values):
    median = statistics.median(values)
    return {"median": median, "spread": (max(values) - min(values)) / median if median else 0.0}


def judge(summary):
    """The bars of the rows that were measured on both sides. An error or a miss fails a bar too: it was cheap."""
    bars = []
    for row, metric, most in BARS:
        if not summary.get(row, {}).get("ratios"):
            continue
        ratio = summary[row]["ratios"][metric]
        lattice = summary[row]["sides"]["lattice"]
        clean = lattice["errors"] == 0 and lattice["misses"] == 0
        bars.append({"row": row, "metric": metric, "most": most, "ratio": ratio, "pass": clean and ratio <= most})
    return bars


def table(facts, versions, summary, bars, rounds, seconds):
    lines = [
        "",
        ", ".join(versions.values()) + "; three nodes each, loopback, plain text, "
        f"fsync; keys of 16 and values of 256 bytes; medians of {rounds} rounds of {seconds:g} s (expiry: fewer, as long as "
        "it takes), ± half their spread",
        "an operation is a request; in watch rows an event delivered, in expiry rows a lease ended, and ms are those it was late",
        f"{facts['cores']} cores of {facts['processor']}, shared with the load generator; "
        f"an fsync takes {facts['fsync_p50_us']} us",
        "",
        f"{'row':<27}{'side':<9}{'operations/s':>20}{'p50 ms':>17}{'p99 ms':>17}{'server CPU us/op':>22}{'client us/op':>14}",
    ]
    for row, entry in summary.items():
        for side, figures in entry["sides"].items():
            lines.append(
                f"{row:<27}{side:<9}"
                f"{_with_spread(figures['throughput_per_s'], 1, 0):>20}{_with_spread(figures['p50_us'], 1000, 2):>17}"
                f"{_with_spread(figures['p99_us'], 1000, 2):>17}{_with_spread(figures['server_cpu_us_per_op'], 1, 1):>22}"
                f"{figures['client_cpu_us_per_op']['median']:>14.1f}{_trouble(figures)}")
        if entry["ratios"]:
            ratios = entry["ratios"]
            lines.append(f"{'':<27}{'ratio':<9}{ratios['throughput_per_s']:>13.2f}{'':>7}{ratios['p50_us']:>10.2f}{'':>7}"
                         f"{ratios['p99_us']:>10.2f}{'':>7}{ratios['server_cpu_us_per_op']:>15.2f}")
    lines.append("")
    for bar in bars:
        what = {"server_cpu_us_per_op": f"server CPU per {unit_of(bar['row'])}", "p50_us": "p50", "p99_us": "p99"}[bar["metric"]]
        lines.append(f"{'pass' if bar['pass'] else 'FAIL'}  {bar['row']}: {what} is {bar['ratio']:.2f} times etcd's, "
                     f"the bar is {bar['most']:.2f}")
    return "\n".join(lines)


def _with_spread(figure, unit, digits):
    return f"{figure['median'] / unit:,.{digits}f} ±{figure['spread'] * 50:3.0f} %"


def _trouble(figures):
    return "".join(f"  {figures[count]} {count}" for count in ("errors", "misses") if figures[count])
