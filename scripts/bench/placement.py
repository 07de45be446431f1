"""The manifest and the configuration of nodes that share several groups, and what their metrics say about those."""

import json

PREFIX = "/clustor/v1/"


def tenants(groups):
    """The tenants of so many groups, one each. The first is the default tenant, which health checks ask for."""
    return ["default", *(f"t{number}" for number in range(2, groups + 1))]


def documents(groups, nodes, ports):
    """A manifest as what the control plane holds, {key: value}: each group has all nodes and one tenant."""
    replicas = [{"nodeId": node, "raftAddress": f"127.0.0.1:{port + 1}", "clientUrls": [f"http://127.0.0.1:{port}"]}
                for node, port in zip(nodes, ports)]
    placed = {}
    for number, tenant in enumerate(tenants(groups), start=1):
        placed[f"{PREFIX}groups/g{number}"] = json.dumps({"replicas": replicas})
        placed[f"{PREFIX}tenants/{tenant}"] = json.dumps({"routingEpoch": 1, "group": f"g{number}"})
    return placed


def configuration(node, port, control_plane):
    return f"""\
[control_plane]
mode = "clustor"
endpoints = ["http://{control_plane}"]

[cluster]
name = "bench"
node_id = "{node}"
raft_bind = "127.0.0.1:{port + 1}"

[listeners.grpc]
bind = "127.0.0.1:{port}"
insecure = true

[paths]
data_dir = "data"
wal_dir = "wal"

[telemetry]
metrics_bind = "127.0.0.1:{port + 2}"
json_logs = false
"""


def led(metrics):
    """Of how many groups a node knows the leader."""
    return _count(metrics, "lattice_group_leader_elected")


def leading(metrics):
    """How many groups a node leads."""
    return _count(metrics, "lattice_group_leading")


def _count(metrics, name):
    return sum(round(float(line.rsplit(" ", 1)[1])) for line in metrics.splitlines() if line.startswith(name + "{"))
