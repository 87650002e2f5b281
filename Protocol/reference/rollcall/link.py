"""Section 2: TLS 1.3 with a key on both sides, and frames over it."""

import socket
import ssl
import tempfile
from collections import deque
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .frames import FrameReader, FrameWriter, Message, agreed_version, preamble
from .hub_keys import EXTENSION
from .keys import CURVE, PrivateKey, public_bytes
from .wire import ProtocolError, Reader, malformed

ALPN = "rollcall"
# How long somebody who waits is content with nothing (section 9, rule 10).
PATIENCE = 60


def certificate_of(key: PrivateKey) -> bytes:
    """A self-signed certificate. Only its key counts."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rollcall")])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=3650))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def tls_context(side: int, key: PrivateKey) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([ALPN])
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The module ssl takes keys from files only.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "key.pem"
        path.touch(0o600)
        path.write_bytes(private + certificate_of(key))
        context.load_cert_chain(path)
    return context


def der_parts(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """The elements that lie one after the other in DER: tag, whole element, content."""
    parts = []
    reader = Reader(data)
    while reader.left:
        start = reader.at
        tag, length = reader.u8(), reader.u8()
        if length >= 0x80:
            length = reader.number(length & 0x7F)
        content = reader.take(length)
        parts.append((tag, data[start : reader.at], content))
    return parts


def shown_keys(certificate: bytes) -> tuple[bytes, bytes | None]:
    """The key of a certificate, and the hub's keys that it shows.

    Taken apart by hand, since of a certificate only these count, and libraries refuse some of the rest.
    """
    try:
        [(_, _, whole)] = der_parts(certificate)
        fields = [part for part in der_parts(der_parts(whole)[0][2]) if part[0] != 0xA0]
        key = serialization.load_der_public_key(fields[5][1])
        shown = None
        for _, _, extensions in (part for part in fields if part[0] == 0xA3):
            for _, _, extension in der_parts(der_parts(extensions)[0][2]):
                parts = der_parts(extension)
                if parts[0][2] == EXTENSION:
                    shown = parts[-1][2]
    except (IndexError, ValueError):
        raise malformed("a certificate that cannot be read") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != CURVE.name:
        raise malformed("a certificate without a P-256 key")
    return public_bytes(key), shown


class Link:
    """Messages both ways. What is in `waiting` has been read, and not yet been looked at."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.connection = connection
        self.reader = FrameReader(at_hub=connection.server_side)
        self.writer = FrameWriter()
        self.waiting: deque[Message] = deque()
        if connection.selected_alpn_protocol() != ALPN:
            raise ProtocolError(110, "the other end does not speak Rollcall")

    @classmethod
    def to(cls, address: tuple[str, int], key: PrivateKey) -> "Link":
        plain = socket.create_connection(address, timeout=10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(PATIENCE)
        return cls(tls_context(ssl.PROTOCOL_TLS_CLIENT, key).wrap_socket(plain))

    def greet(self) -> None:
        """Both preambles."""
        self.connection.sendall(preamble())
        data = b""
        while len(data) < 12:
            part = self.connection.recv(12 - len(data))
            if not part:
                raise ConnectionError("the connection ended")
            data += part
        agreed_version(data)

    def send(self, name: str, message: dict[str, Any], in_stream: bool = False) -> int:
        """Sends one message, and says of how many bytes its frame is."""
        frame = self.writer.frame(name, message, in_stream)
        self.connection.sendall(frame)
        return len(frame)

    def receive(self) -> Message:
        while not self.waiting:
            data = self.connection.recv(65536)
            if not data:
                raise ConnectionError("the connection ended")
            self.waiting.extend(self.reader.feed(data))
        return self.waiting.popleft()

    def close(self, code: int = 0, words: str = "done") -> None:
        """Says why, as far as the other end still listens."""
        try:
            self.send("Close", {"code": code, "retryAfter": 0, "words": words})
        except OSError:
            pass
        self.connection.close()
