"""A certificate authority of the test's own, by the openssl command."""

import subprocess
from pathlib import Path


class Authority:
    """Signs certificates; every file lies in ``folder``.

    Args:
        folder: Where to put keys and certificates.
        name: Of its own files.
    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._name = name
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                  "-keyout", f"{name}.key", "-out", f"{name}.pem")  # fmt: skip
        self.certificate = folder / f"{name}.pem"

    def sign(self, name: str, *, hosts: str = "") -> tuple[Path, Path]:
        """Makes a key and a certificate for ``hosts``, such as ``DNS:localhost``, and returns their paths."""
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={hosts}\n" if hosts else "basicConstraints=CA:FALSE\n")
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                  "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
        self._run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self._name}.pem", "-CAkey", f"{self._name}.key",
                  "-CAcreateserial", "-days", "2", "-extfile", extensions.name, "-out", f"{name}.pem")  # fmt: skip
        return self._folder / f"{name}.key", self._folder / f"{name}.pem"

    def _run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self._folder, check=True, capture_output=True, timeout=60)
