"""Starts and stops the clusters that are measured."""

import base64
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import certificates
import placement

NODES = ("n1", "n2", "n3")
START_SECONDS = 60
STOP_SECONDS = 20


class ClusterError(Exception):
    """A cluster can't be started or measured; the text says why."""


class EtcdCluster:
    """Three etcd servers as their defaults make them, but for a quota that a long run doesn't reach."""

    name = "etcd"

    def __init__(self, binary, directory, base_port, secured, nodes=NODES):
        """secured: mutual TLS on all ports."""
        self._binary = binary
        self._directory = directory
        self._nodes = nodes
        self._tls = directory / "tls"
        self.client_files = certificates.ClientFiles.of(self._tls) if secured else None
        self._ports = [base_port + 10 * i for i in range(len(nodes))]
        self._servers = []
        self.endpoints = [f"127.0.0.1:{port}" for port in self._ports]

    def start(self):
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        if self.client_files:
            self._make_certificates()
        for node, port in zip(self._nodes, self._ports):
            require_free(port)
            # In a session of its own, as scripts/cluster does it for Lattice's: see shared_sessions.
            self._servers.append(subprocess.Popen(self._command(node, port), stdin=subprocess.DEVNULL,
                                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                                  start_new_session=True))
        self._wait_until_ready()

    def _make_certificates(self):
        try:
            certificates.make(self._tls)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ClusterError(f"certificates can't be made with openssl: {error}") from error

    def _wait_until_ready(self):
        """Waits until every node says that it is healthy, which takes a leader."""
        deadline = time.monotonic() + START_SECONDS
        for node, endpoint in zip(self._nodes, self.endpoints):
            while not is_healthy(endpoint, self.client_files):
                self._require_running()
                if time.monotonic() > deadline:
                    raise ClusterError(f"etcd {node} isn't healthy after {START_SECONDS} s; see {self._directory / node}.log")
                time.sleep(0.1)

    def _command(self, node, port):
        scheme = "https" if self.client_files else "http"
        peers = ",".join(f"{name}={scheme}://127.0.0.1:{at + 1}" for name, at in zip(self._nodes, self._ports))
        client, peer = f"{scheme}://127.0.0.1:{port}", f"{scheme}://127.0.0.1:{port + 1}"
        return [
            self._binary, f"--name={node}", f"--data-dir={self._directory / node}",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={peers}", "--initial-cluster-state=new", "--initial-cluster-token=bench",
            "--quota-backend-bytes=17179869184", f"--log-outputs={self._directory / node}.log",
            *(self._tls_flags() if self.client_files else ()),
        ]

    def _tls_flags(self):
        for prefix in ("", "peer-"):
            yield f"--{prefix}cert-file={self._tls / 'server.crt'}"
            yield f"--{prefix}key-file={self._tls / 'server.key'}"
            yield f"--{prefix}trusted-ca-file={self._tls / 'ca.crt'}"
            yield f"--{prefix}client-cert-auth"

    def _require_running(self):
        for node, server in zip(self._nodes, self._servers):
            if server.poll() is not None:
                raise ClusterError(f"etcd {node} ended with {server.returncode}; see {self._directory / node}.log")

    def pids(self):
        self._require_running()
        return [server.pid for server in self._servers]

    def version(self):
        answer = subprocess.run([self._binary, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        return "etcd " + answer.splitlines()[0].rsplit(" ", 1)[-1]

    def stop(self, keep):
        end(self._servers)
        if not keep:
            shutil.rmtree(self._directory, ignore_errors=True)


class LatticeCluster:
    """Three Lattice servers as scripts/cluster starts them."""

    name = "lattice"

    def __init__(self, root, directory, base_port, secured):
        """secured: mutual TLS on all ports."""
        self.client_files = certificates.ClientFiles.of(directory / "tls") if secured else None
        self._script = root / "scripts" / "cluster"
        self._program = root / "dist" / "lattice" / "bin" / "lattice"
        self._directory = directory
        self._base_port = base_port
        self._ports = [base_port + 10 * i for i in range(len(NODES))]
        self.endpoints = [f"127.0.0.1:{port}" for port in self._ports]

    def start(self):
        if self._directory.exists():
            self._cluster("destroy")
        for port in self._ports:
            require_free(port)
        # Returns when all three nodes serve.
        plain = () if self.client_files else ("--insecure",)
        self._cluster("start", *plain, "--base-port", str(self._base_port))

    def _cluster(self, verb, *more):
        # To a file, not to a pipe: servers that the script leaves running may hold on to it.
        log_path = self._directory.with_name("lattice-cluster.log")
        with log_path.open("a", encoding="utf-8") as log:
            command = [self._script, verb, "--dir", str(self._directory), *more]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        if done.returncode != 0:
            raise ClusterError(f"scripts/cluster {verb} failed with {done.returncode}; see {log_path}")

    def pids(self):
        return [listener_of(port) for port in self._ports]

    def version(self):
        return version_of(self._program)

    def stop(self, keep):
        if self._directory.exists():
            self._cluster("stop" if keep else "destroy")


class PlacedCluster:
    """Three Lattice servers that take their groups and tenants from a control plane, which is one etcd server."""

    name = "lattice"
    client_files = None

    def __init__(self, root, directory, base_port, groups, extra=""):
        """groups: how many, each with all three nodes and one tenant. extra: TOML that follows the nodes' configuration."""
        self.groups = groups
        self.tenants = placement.tenants(groups)
        self.ports = [base_port + 100 + 10 * i for i in range(len(NODES))]
        self.endpoints = [f"127.0.0.1:{port}" for port in self.ports]
        self._extra = extra
        self._program = root / "dist" / "lattice" / "bin" / "lattice"
        self._directory = directory
        self._control_plane = EtcdCluster(root / ".tools" / "etcd", directory / "control-plane", base_port, False, ("cp",))
        self._servers = []

    def start(self):
        """Returns when the processes run."""
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        self._control_plane.start()
        self._put_manifest()
        for node, port in zip(NODES, self.ports):
            for used in (port, port + 1, port + 2):
                require_free(used)
            self._servers.append(self._launch(node, port))

    def _put_manifest(self):
        # Not by `lattice cp apply`, whose transactions are too small for many groups. No node looks yet.
        for key, value in placement.documents(self.groups, NODES, self.ports).items():
            put(self._control_plane.endpoints[0], key, value)

    def _launch(self, node, port):
        folder = self._directory / node
        folder.mkdir()
        configuration = folder / "lattice.toml"
        configuration.write_text(placement.configuration(node, port, self._control_plane.endpoints[0]) + self._extra,
                                 encoding="utf-8")
        with (folder / "lattice.log").open("w", encoding="utf-8") as log:
            return subprocess.Popen([self._program, "start", "--config", configuration], stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, start_new_session=True)

    def await_leaders(self, seconds):
        """Waits until each node knows the leader of each group; returns of how many each knows it at last."""
        deadline = time.monotonic() + seconds
        while True:
            self.pids()
            known = [placement.led(metrics) for metrics in self._metrics()]
            if all(count == self.groups for count in known) or time.monotonic() > deadline:
                return known
            time.sleep(0.2)

    def leaders(self):
        """How many groups each node leads."""
        return [placement.leading(metrics) for metrics in self._metrics()]

    def _metrics(self):
        """Of each node, the text of its metrics; empty while it doesn't answer."""
        return [text_of(f"http://127.0.0.1:{port + 2}/metrics") for port in self.ports]

    def pids(self):
        for node, server in zip(NODES, self._servers):
            if server.poll() is not None:
                raise ClusterError(f"{node} ended with {server.returncode}; see {self._directory / node / 'lattice.log'}")
        return [server.pid for server in self._servers]

    def version(self):
        return version_of(self._program)

    def stop(self, keep):
        end(self._servers)
        self._servers = []
        self._control_plane.stop(keep)
        if not keep:
            shutil.rmtree(self._directory, ignore_errors=True)


def version_of(program):
    """What the program lattice says of itself."""
    try:
        answer = subprocess.run([program, "version"], stdout=subprocess.PIPE, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ClusterError(f"{program} version: {error}") from error
    return " ".join(answer.stdout.split())


def end(servers):
    for server in servers:
        server.terminate()
    for server in servers:
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def put(endpoint, key, value):
    """Puts one key to an etcd server by way of its JSON gateway."""
    body = json.dumps({name: base64.b64encode(text.encode()).decode() for name, text in (("key", key), ("value", value))})
    try:
        with urllib.request.urlopen(f"http://{endpoint}/v3/kv/put", data=body.encode(), timeout=10) as answer:
            answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise ClusterError(f"can't put {key} to {endpoint}: {error}") from error


def text_of(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode("utf-8")
    except (urllib.error.URLError, OSError):
        return ""


def is_healthy(endpoint, client_files):
    """Asks an etcd server."""
    scheme, context = "http", None
    if client_files:
        scheme, context = "https", ssl.create_default_context(cafile=client_files.ca)
        context.load_cert_chain(client_files.certificate, client_files.key)
    try:
        with urllib.request.urlopen(f"{scheme}://{endpoint}/health", timeout=2, context=context) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def require_free(port):
    if socket_inode(port) is not None:
        raise ClusterError(f"port {port} is in use; --base-port chooses others")


def shared_sessions(pids):
    """Whether servers share a session with each other or with this process.

    Linux shares the processor out among sessions first (autogroup): servers that share one get less of a busy machine
    than those of the other side, which shows in their latency by more than the rounds' spread.
    """
    sessions = [os.getsid(pid) for pid in [0, *pids]]
    return len(set(sessions)) < len(sessions)


def listener_of(port):
    """The id of the process that listens on a port of this machine."""
    inode = socket_inode(port)
    if inode is None:
        raise ClusterError(f"nothing listens on port {port}")
    wanted = f"socket:[{inode}]"
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) == wanted for fd in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue  # ended meanwhile, or another user's
    raise ClusterError(f"can't tell which process listens on port {port}")


def socket_inode(port):
    """The inode of the socket that listens on a port, over IPv4 or IPv6; None if there is none."""
    listening = "0A"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        path = pathlib.Path(table)
        if not path.exists():
            continue
        for line in path.read_text(encoding="ascii").splitlines()[1:]:
            columns = line.split()
            if columns[3] == listening and int(columns[1].rsplit(":", 1)[1], 16) == port:
                return columns[9]
    return None
