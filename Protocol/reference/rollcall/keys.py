"""P-256 keys: 65 bytes in public, 64 bytes a signature over the SHA-256 of a statement."""

from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

CURVE = ec.SECP256R1()
SHA256 = ec.ECDSA(hashes.SHA256())
PUBLIC_SIZE = 65

PrivateKey = ec.EllipticCurvePrivateKey


def digest(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def private_key(number: bytes) -> PrivateKey:
    return ec.derive_private_key(int.from_bytes(number, "big"), CURVE)


def number_of(key: PrivateKey) -> bytes:
    return key.private_numbers().private_value.to_bytes(32, "big")


def public_bytes(key: PrivateKey | ec.EllipticCurvePublicKey) -> bytes:
    public = key.public_key() if isinstance(key, PrivateKey) else key
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def sign(key: PrivateKey, statement: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(statement, SHA256))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def signed_by(public: bytes, statement: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, public)
        key.verify(encode_dss_signature(r, s), statement, SHA256)
    except (InvalidSignature, ValueError):
        return False
    return len(signature) == 64


def shared_secret(key: PrivateKey, public: bytes) -> bytes:
    """The x-coordinate of the Diffie-Hellman point."""
    return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, public))
