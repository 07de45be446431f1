"""Certificates for a cluster on loopback, made with openssl as the deployment guide does, with keys on P-256 as `lattice init --dev`."""

import dataclasses
import pathlib
import subprocess


@dataclasses.dataclass(frozen=True)
class ClientFiles:
    """What a client of a cluster with mutual TLS needs."""

    ca: pathlib.Path
    certificate: pathlib.Path
    key: pathlib.Path

    @staticmethod
    def of(folder):
        return ClientFiles(folder / "ca.crt", folder / "client.crt", folder / "client.key")


def make(folder):
    """Makes ca, server and client, each as .crt and .key. The server's certificate serves between the nodes as well."""
    folder.mkdir(parents=True)
    _openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
             "-subj", "/CN=bench CA", "-keyout", "ca.key", "-out", "ca.crt")
    _issue(folder, "server", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    _issue(folder, "client", "extendedKeyUsage=clientAuth\n")


def _issue(folder, name, extensions):
    (folder / f"{name}.ext").write_text(extensions, encoding="ascii")
    _openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-days", "30", "-CA", "ca.crt", "-CAkey", "ca.key",
             "-CAcreateserial", "-extfile", f"{name}.ext", "-out", f"{name}.crt")


def _openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, check=True)
