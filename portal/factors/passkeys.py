"""Passkeys (WebAuthn, level 3), by py_webauthn: made, and checked at a sign-in.

The challenge is the form token of the page that asks: bound to the browser, the page's purpose and
its login challenge, and good for half an hour. When something was proved by it, it is spent.
"""

import base64
import hashlib
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Annotated, Any, Final

import msgspec
import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_attestation_object
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portal import logs
from portal.factors import recovery
from portal.factors.changes import Added, Settle, still, tell, write_down
from portal.factors.errors import FactorError
from portal.factors.levels import HARDWARE_KEY, MULTIPLE, PRESENCE, SOFTWARE_KEY
from portal.factors.naming import checked_name, default_name
from portal.factors.standing import Standing
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.services import Services, Visitor
from portal.settings import Settings
from portal.store import AlreadyExistsError, UnstorableValueError
from portal.store.tables import Passkey, User

TIMEOUT: Final = 5 * 60 * 1000
"""Milliseconds that a browser leaves somebody to find the key; a wish (WebAuthn, 5.4)."""
MAX_CREDENTIAL: Final = 24 * 1024
MAX_PASSKEYS: Final = 20
PASSKEY: Final = N_("Passkey")
"""What one is called, if nobody says."""
ATTESTATIONS: Final = (AttestationFormat.NONE, AttestationFormat.PACKED)
"""None is asked for, and a browser then leaves at most a key's own one (WebAuthn, 5.1.3): nobody
needs the other formats, and what reads them.
"""
NOT_TAKEN: Final = N_("This passkey was not accepted. Please try again, or choose another way.")
NOT_ADDED: Final = N_("This passkey could not be added. Please try again.")
REGISTERED: Final = N_("This passkey is yours already.")
TOO_MANY: Final = N_("You have enough passkeys. Remove one before you add another one.")


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """What a passkey proved."""

    subject: str
    amr: tuple[str, ...]
    """With ``mfa`` where it also knew its person, by a PIN, a finger or a face; without, it is one
    factor and stands beside a password."""
    passkey: Passkey


class _Response(msgspec.Struct, frozen=True, kw_only=True):
    clientDataJSON: str  # noqa: N815 - the browser's name
    attestationObject: str = ""  # noqa: N815 - the browser's name
    authenticatorData: str = ""  # noqa: N815 - the browser's name
    signature: str = ""
    userHandle: str | None = None  # noqa: N815 - the browser's name
    transports: list[str] = msgspec.field(default_factory=list)


class _Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What ``PublicKeyCredential.toJSON()`` makes, as far as it matters here."""

    id: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]+\Z", max_length=1_400)]
    rawId: str  # noqa: N815 - the browser's name
    type: str
    response: _Response

    def as_dict(self) -> dict[str, Any]:
        """For py_webauthn."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built


def offered(settings: Settings) -> bool:
    """Whether browsers make passkeys here: for a name, not for an address (WebAuthn, 5.1.2)."""
    try:
        ip_address(settings.host_name)
    except ValueError:
        return bool(settings.host_name)
    return False


def challenge_of(form_token: str) -> bytes:
    """The challenge that a form's token is; the page's script takes it from there, too."""
    try:
        return base64.b64decode(form_token.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        return b""


def creation_options(
    user: User, standing: Standing, *, challenge: bytes = b"", settings: Settings
) -> str:
    """What a browser is asked to make, as JSON. Without *challenge* the script puts the form's
    token there, which is the same.
    """
    options = webauthn.generate_registration_options(
        rp_id=settings.host_name,
        rp_name=settings.site_name,
        user_id=user_handle(user.subject, settings),
        user_name=user.email,
        user_display_name=user.name or user.email,
        challenge=challenge,
        timeout=TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(standing.passkeys),
    )
    return _json(options, challenge)


async def register(
    services: Services,
    user: User,
    *,
    credential: str,
    challenge: bytes,
    name: str,
    visitor: Visitor,
    settle: Settle,
) -> Added[Passkey]:
    """Keep the passkey that *user*'s browser has made, with the first recovery codes, or say in a
    :class:`FactorError` why not.
    """
    made = _registered(credential, challenge, services.settings)
    passkey = Passkey(
        credential_id=made.credential_id,
        subject=user.subject,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=made.transports,
        backed_up=made.backed_up,
        name=checked_name(name, default_name(PASSKEY, visitor)),
        created_at=visitor.now,
    )
    proved = (SOFTWARE_KEY if made.backed_up else HARDWARE_KEY, PRESENCE)
    fresh = await recovery.prepare_first(services, user, visitor=visitor)
    try:
        async with services.store.writing() as rows:
            await settle(rows, await still(rows, user), proved)
            if not await rows.spent_proofs.spend(_proof(challenge), visitor.now):
                raise FactorError(_(NOT_ADDED))
            known = await rows.passkeys.find(passkey.credential_id)
            if known is not None:
                raise FactorError(_(REGISTERED if known.subject == user.subject else NOT_ADDED))
            if len(await rows.passkeys.of_subject(user.subject)) >= MAX_PASSKEYS:
                raise FactorError(_(TOO_MANY))
            await rows.passkeys.add(passkey)
            detail = {"kind": "passkey", "name": passkey.name}
            await write_down(rows, "factor.added", user, visitor, detail)
            await tell(rows, services, user, "factor_added", visitor)
            codes = await recovery.keep_first(rows, services, user, fresh, visitor=visitor)
    except (AlreadyExistsError, UnstorableValueError) as exc:
        raise FactorError(_(NOT_ADDED)) from exc
    return Added(factor=passkey, proved=proved, codes=codes)


def request_options(
    *, challenge: bytes = b"", settings: Settings, allow: Iterable[Passkey] = ()
) -> str:
    """What a browser is asked to prove, as JSON; without *allow* by any passkey that it has.

    Without *challenge* the script puts the form's token there, which is the same.
    """
    options = webauthn.generate_authentication_options(
        rp_id=settings.host_name,
        challenge=challenge,
        timeout=TIMEOUT,
        allow_credentials=_descriptors(allow),
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return _json(options, challenge)


async def verify(
    services: Services,
    *,
    credential: str,
    challenge: bytes,
    visitor: Visitor,
    subject: str | None = None,
) -> Assertion:
    """Whose passkey it is, or a :class:`FactorError` that says the same for every reason.

    With *subject* only one of theirs counts. Whether they may sign in is not looked at here.
    """
    posted = _read(credential, NOT_TAKEN)
    async with services.store.reading() as rows:
        passkey = await rows.passkeys.find(posted.id)
    if passkey is None or subject not in (None, passkey.subject):
        raise FactorError(_(NOT_TAKEN))
    _check_handle(posted, passkey, services.settings, may_lack=subject is not None)
    proved = _proved(posted, passkey, challenge, services.settings)
    if _went_back(passkey.sign_count, proved.sign_count):
        logs.alarm("passkey.counter_went_back", subject=passkey.subject)
        raise FactorError(_(NOT_TAKEN))
    async with services.store.writing() as rows:
        if not await rows.spent_proofs.spend(_proof(challenge), visitor.now):
            raise FactorError(_(NOT_TAKEN))
        used = await rows.passkeys.use(
            passkey, sign_count=proved.sign_count, backed_up=proved.backed_up, at=visitor.now
        )
        if not used:
            raise FactorError(_(NOT_TAKEN))
    return Assertion(subject=passkey.subject, amr=proved.amr, passkey=passkey)


def user_handle(subject: str, settings: Settings) -> bytes:
    """How authenticators know *subject*: opaque, and always the same (WebAuthn, 14.6.1)."""
    return hashlib.sha256(f"passkey\0{settings.host_name}\0{subject}".encode()).digest()


class _Registered(msgspec.Struct, frozen=True, kw_only=True):
    credential_id: str
    public_key: str
    sign_count: int
    transports: list[str]
    backed_up: bool


class _Proved(msgspec.Struct, frozen=True, kw_only=True):
    sign_count: int
    backed_up: bool
    amr: tuple[str, ...]


def _registered(credential: str, challenge: bytes, settings: Settings) -> _Registered:
    posted = _read(credential, NOT_ADDED)
    try:
        _require_plain_attestation(posted)
        verified = webauthn.verify_registration_response(
            credential=posted.as_dict(),
            expected_challenge=challenge,
            expected_rp_id=settings.host_name,
            expected_origin=settings.origin,
        )
    except Exception as exc:  # hostile bytes make its parsers raise whatever they like
        logs.problem("passkey.not_added", reason=type(exc).__name__)
        raise FactorError(_(NOT_ADDED)) from exc
    known = {transport.value for transport in AuthenticatorTransport}
    return _Registered(
        credential_id=bytes_to_base64url(verified.credential_id),
        public_key=bytes_to_base64url(verified.credential_public_key),
        sign_count=verified.sign_count,
        transports=sorted(known.intersection(posted.response.transports)),
        backed_up=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
    )


def _require_plain_attestation(posted: _Credential) -> None:
    made = parse_attestation_object(base64url_to_bytes(posted.response.attestationObject))
    if made.fmt not in ATTESTATIONS:
        raise ValueError("an attestation of a kind that nobody asked for")


def _proved(posted: _Credential, passkey: Passkey, challenge: bytes, settings: Settings) -> _Proved:
    """Check the signature; the counter is looked at afterwards, when it is known to be true."""
    try:
        verified = webauthn.verify_authentication_response(
            credential=posted.as_dict(),
            expected_challenge=challenge,
            expected_rp_id=settings.host_name,
            expected_origin=settings.origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=0,
        )
    except Exception as exc:  # hostile bytes make its parsers raise whatever they like
        logs.problem("passkey.not_taken", reason=type(exc).__name__)
        raise FactorError(_(NOT_TAKEN)) from exc
    backed_up = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    key = SOFTWARE_KEY if backed_up else HARDWARE_KEY
    amr = (key, PRESENCE, MULTIPLE) if verified.user_verified else (key, PRESENCE)
    return _Proved(sign_count=verified.new_sign_count, backed_up=backed_up, amr=amr)


def _went_back(before: int, now: int) -> bool:
    """Whether another copy of the key was used meanwhile; zero twice: it does not count
    (WebAuthn, 7.2, step 22).
    """
    return bool(before or now) and now <= before


def _check_handle(
    posted: _Credential, passkey: Passkey, settings: Settings, *, may_lack: bool
) -> None:
    """The authenticator's word whose key it is must be ours (WebAuthn, 7.2, step 6)."""
    given = posted.response.userHandle
    if given is None and may_lack:
        return
    if (given or "").rstrip("=") != bytes_to_base64url(user_handle(passkey.subject, settings)):
        raise FactorError(_(NOT_TAKEN))


def _read(credential: str, refusal: str) -> _Credential:
    if len(credential) > MAX_CREDENTIAL:
        raise FactorError(_(refusal))
    try:
        return msgspec.json.decode(credential, type=_Credential)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as exc:
        raise FactorError(_(refusal)) from exc


def _descriptors(passkeys: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(transport) for transport in passkey.transports],
        )
        for passkey in passkeys
    ]


def _json(options: Any, challenge: bytes) -> str:
    """As the page carries it; py_webauthn makes a challenge up where none is given."""
    told = msgspec.json.decode(webauthn.options_to_json(options))
    told["challenge"] = bytes_to_base64url(challenge)
    return msgspec.json.encode(told).decode()


def _proof(challenge: bytes) -> str:
    return hashlib.sha256(b"challenge:" + challenge).hexdigest()
