"""A security key in software (WebAuthn, 6): makes passkeys and proves them, rightly or as told."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(kw_only=True)
class Authenticator:
    """One passkey of one person; every member can be changed before it is asked."""

    origin: str = "https://login.example.org"
    rp_id: str = "login.example.org"
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    """The next sign count; 0 for a key that does not count."""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user_handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, challenge: bytes, options: str, **changes: Any) -> str:
        """What the browser posts when it has made a passkey; *changes* to the response."""
        self.user_handle = decoded(json.loads(options)["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        public_key = cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        )
        length = len(self.credential_id).to_bytes(2)
        attested = bytes(16) + length + self.credential_id + public_key
        made = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + attested}
        response = {
            "clientDataJSON": encoded(self._client_data("webauthn.create", challenge)),
            "attestationObject": encoded(cbor2.dumps(made | changes.pop("attestation", {}))),
            "transports": ["internal", "hybrid", "carrier-pigeon"],
        }
        return self._credential(response | changes)

    def get(self, challenge: bytes, **changes: Any) -> str:
        """What it posts when it has proved one."""
        client_data, data = self._client_data("webauthn.get", challenge), self._data(0)
        signed = data + hashlib.sha256(client_data).digest()
        response = {
            "clientDataJSON": encoded(client_data),
            "authenticatorData": encoded(data),
            "signature": encoded(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": encoded(self.user_handle),
        }
        return self._credential(response | changes)

    def _credential(self, response: dict[str, Any]) -> str:
        name = encoded(self.credential_id)
        credential = {"id": name, "rawId": name, "type": "public-key", "response": response}
        return json.dumps(credential | {"clientExtensionResults": {}})

    def _client_data(self, kind: str, challenge: bytes) -> bytes:
        told = {"type": kind, "challenge": encoded(challenge), "origin": self.origin}
        return json.dumps(told | {"crossOrigin": False}).encode()

    def _data(self, flags: int) -> bytes:
        rp = hashlib.sha256(self.rp_id.encode()).digest()
        return rp + bytes([self.flags | flags]) + self.counter.to_bytes(4)
