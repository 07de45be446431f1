"""Medians and tables of the benchmark of several groups."""

import statistics

import report

# What an idle node holds: name -> (title, unit, digits).
HOLDINGS = {
    "rss_bytes": ("resident MiB", 2**20, 1),
    "rss_anonymous_bytes": ("of that not of files, MiB", 2**20, 1),
    "heap_used_bytes": ("live heap MiB", 2**20, 2),
    "threads": ("threads", 1, 2),
    "open_files": ("open files", 1, 2),
    "cpu_seconds_per_minute": ("CPU s a minute", 1, 3),
}
MACHINES = (3, 6, 9, 12, 24)


def summarise(results):
    """{groups: [result, ...]} -> {groups: {metric: {"median", "spread"}, "errors", "leaders": [[n1, n2, n3], ...],
    "servers_share", "node_cpu_us_per_op": {"leading": ..., "following": ...}}}"""
    summary = {}
    for groups, rounds in results.items():
        figures = report.summarise({"put": {"lattice": rounds}})["put"]["sides"]["lattice"]
        figures["leaders"] = [one["leaders"] for one in rounds]
        figures["node_cpu_us_per_op"] = _by_role(groups, rounds)
        summary[groups] = figures
    return summary


def _by_role(groups, rounds):
    """What a put costs a node that leads all groups, and one that leads none; None where there was no such node."""
    costs = {"leading": [], "following": []}
    for one in rounds:
        for seconds, led in zip(one["server_cpu_s"], one["leaders"]):
            role = {groups: "leading", 0: "following"}.get(led)
            if role:
                costs[role].append(seconds * 1e6 / one["ops"])
    return {role: statistics.median(values) if values else None for role, values in costs.items()}


def throughput_table(summary):
    lines = [f"{'groups':>6}{'puts/s':>18}{'p50 ms':>17}{'p99 ms':>17}{'server CPU us/put':>20}{'client us/put':>15}  "
             "leaders on n1/n2/n3, by round"]
    for groups, figures in summary.items():
        leaders = ", ".join("/".join(map(str, nodes)) for nodes in figures["leaders"])
        lines.append(
            f"{groups:>6}{with_spread(figures['throughput_per_s'], 1, 0):>18}{with_spread(figures['p50_us'], 1000, 2):>17}"
            f"{with_spread(figures['p99_us'], 1000, 2):>17}{with_spread(figures['server_cpu_us_per_op'], 1, 1):>20}"
            f"{figures['client_cpu_us_per_op']['median']:>15.1f}  {leaders}"
            + (f"  {figures['errors']} errors" if figures["errors"] else ""))
    for groups, figures in summary.items():
        parts = [f"{cost:.1f} us on a node that {text}" for role, text in
                 (("leading", "leads all groups"), ("following", "leads none"))
                 if (cost := figures["node_cpu_us_per_op"][role]) is not None]
        if parts:
            lines.append(f"of a put with {groups} group{'s' if groups > 1 else ''}: {', '.join(parts)}")
    return "\n".join(lines)


def with_spread(figure, unit, digits):
    return f"{figure['median'] / unit:,.{digits}f} ±{figure['spread'] * 50:3.0f} %"


def machines_table(summary, cores):
    """What the figures come to on more machines of the same kind, if groups of three replicas and their leaders are spread
    evenly over them: each machine then does the same part of all work, and their processors are what there is of it."""
    lines = [f"puts/s that the processors of so many machines with {cores} cores each suffice for, three replicas of each group and "
             "nothing else running there:",
             f"{'machines':>8}" + "".join(f"{'as with ' + str(groups) + ' groups':>20}" for groups in summary)]
    for machines in MACHINES:
        rates = (possible(machines, cores, figures["server_cpu_us_per_op"]["median"]) for figures in summary.values())
        lines.append(f"{machines:>8}" + "".join(f"{rate:>20,.0f}" for rate in rates))
    return "\n".join(lines)


def possible(machines, cores, cpu_us_per_op):
    return machines * cores * 1e6 / cpu_us_per_op


def average(nodes):
    """The mean of the nodes' holdings, for what all of them know."""
    return {name: statistics.mean(node[name] for node in nodes) for name in HOLDINGS if all(name in node for node in nodes)}


def per_group(few, many):
    """What each further group costs a node, from two idle clusters: {name: figure}."""
    further = many["groups"] - few["groups"]
    return {name: (many["node"][name] - few["node"][name]) / further for name in few["node"] if name in many["node"]}


def idle_table(idle):
    """idle: as in the JSON, with the clusters in ascending order of groups."""
    clusters = idle["clusters"]
    lines = [f"{'a node, idle':<28}" + "".join(f"{str(cluster['groups']) + ' groups':>14}" for cluster in clusters)
             + f"{'each further':>16}"]
    for name, (title, unit, digits) in HOLDINGS.items():
        if all(name in cluster["node"] for cluster in clusters):
            values = "".join(f"{cluster['node'][name] / unit:>14,.{digits}f}" for cluster in clusters)
            lines.append(f"{title:<28}{values}{idle['per_group'][name] / unit:>16,.{digits + 1}f}")
    lines.append(f"{'start, s':<28}" + "".join(f"{cluster['start_s']:>14,.1f}" for cluster in clusters))
    for cluster in clusters:
        if min(cluster["led"]) < cluster["groups"]:
            lines.append(f"CAVEAT: of {cluster['groups']} groups the nodes know the leaders of {cluster['led']} only")
    lines.append("threads that grow with the groups, all nodes:")
    few, many = clusters[0]["threads_by_name"], clusters[-1]["threads_by_name"]
    for name in sorted(many, key=lambda name: few.get(name, 0) - many[name]):
        if many[name] > few.get(name, 0):
            lines.append(f"  {name:<60}{few.get(name, 0):>8}{many[name]:>8}")
    return "\n".join(lines)
