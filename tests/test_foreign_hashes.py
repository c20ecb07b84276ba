"""Hashes that other systems made: published vectors, and what the libraries of today make."""

import hashlib
import json
from base64 import b64encode

import argon2
import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.passwords import Passwords, UnusableHashError, check_foreign, kind_of
from portal.passwords.costs import cost_of_kind
from portal.passwords.hashes import read
from portal.settings import Pepper, Secret

WORDS = "correct horse battery staple"
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


def b64(raw: bytes) -> str:
    return b64encode(raw).decode()


def pbkdf2(digest: str, length: int | None = None) -> str:
    return b64(hashlib.pbkdf2_hmac(digest, WORDS.encode(), b"0123456789abcdef", 1000, length))


def scrypt(n: int = 16) -> str:
    key = hashlib.scrypt(WORDS.encode(), salt=b"0123456789abcdef", n=n, r=8, p=1, dklen=32)
    return b64(key)


SALT = b64(b"0123456789abcdef")
PUBLISHED = {
    "crypt_blowfish, 2a": (
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", b"U*U", "bcrypt c=5"),
    "crypt_blowfish, 2y": (
        "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", b"\xa3", "bcrypt c=5"),
    "argon2i, version 19": (
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
        b"password", "argon2i m=65536 t=2 p=1"),
    "argon2i, version 16": (
        "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
        b"password", "argon2i m=65536 t=2 p=1"),
    "RFC 7914, PBKDF2": (
        f"$pbkdf2-sha256$i=1,l=64${b64(b'salt')}$"
        + b64(bytes.fromhex("55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
                            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783")),
        b"passwd", "pbkdf2-sha256 i=1 b=2"),
    "RFC 7914, scrypt": (
        f"$scrypt$ln=16384,r=8,p=1${b64(b'SodiumChloride')}$"
        + b64(bytes.fromhex("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")),
        b"pleaseletmein", "scrypt n=16384 r=8 p=1"),
    "passlib, scrypt": (
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        b"password", "scrypt n=65536 r=8 p=1"),
    "Django, PBKDF2": (
        "pbkdf2_sha256$260000$seasalt$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo=",
        "lètmein".encode(), "pbkdf2-sha256 i=260000 b=1"),
    "Django, scrypt": (
        "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXF"
        "RkdVCBhhY8mx7rQwite/Pw==", "lètmein".encode(), "scrypt n=16384 r=8 p=1"),
}  # fmt: skip
OF_TODAY = {
    "bcrypt": (bcrypt.hashpw(WORDS.encode(), bcrypt.gensalt(4)).decode(), "bcrypt c=4"),
    "Django, bcrypt": (
        "bcrypt$" + bcrypt.hashpw(WORDS.encode(), bcrypt.gensalt(4)).decode(), "bcrypt c=4"),
    "Django, bcrypt of SHA-256": (
        "bcrypt_sha256$" + bcrypt.hashpw(
            hashlib.sha256(WORDS.encode()).hexdigest().encode(), bcrypt.gensalt(4)).decode(),
        "bcrypt c=4"),
    "Django, PBKDF2 of SHA-1": (
        f"pbkdf2_sha1$1000$0123456789abcdef${pbkdf2('sha1')}", "pbkdf2-sha1 i=1000 b=1"),
    "Django, argon2": (
        "argon2" + argon2.PasswordHasher(**CHEAP).hash(WORDS), "argon2id m=8 t=1 p=1"),
    "argon2d": (
        argon2.PasswordHasher(**CHEAP, type=argon2.Type.D).hash(WORDS), "argon2d m=8 t=1 p=1"),
    "Ory, PBKDF2": (
        f"$pbkdf2-sha512$i=1000,l=64${SALT}${pbkdf2('sha512')}", "pbkdf2-sha512 i=1000 b=1"),
    "Ory, scrypt": (f"$scrypt$ln=16384,r=8,p=1${SALT}${scrypt(16384)}", "scrypt n=16384 r=8 p=1"),
    "Keycloak, as it exports": (json.dumps({
        "type": "password",
        "secretData": json.dumps({"value": pbkdf2("sha256", 64), "salt": SALT}),
        "credentialData": json.dumps({"hashIterations": 1000, "algorithm": "pbkdf2-sha256"}),
    }), "pbkdf2-sha256 i=1000 b=2"),
    "Keycloak, in one": (json.dumps({
        "algorithm": "pbkdf2-sha512", "hashIterations": 1000, "salt": SALT,
        "value": pbkdf2("sha512"),
    }), "pbkdf2-sha512 i=1000 b=1"),
    "Keycloak, argon2": (json.dumps({
        "secretData": json.dumps({"salt": SALT, "value": b64(argon2.low_level.hash_secret_raw(
            WORDS.encode(), b"0123456789abcdef", 2, 64, 1, 32, argon2.Type.ID))}),
        "credentialData": json.dumps({
            "hashIterations": 2, "algorithm": "argon2", "additionalParameters": {
                "hashLength": ["32"], "memory": ["64"], "type": ["id"], "version": ["1.3"],
                "parallelism": ["1"]}}),
    }), "argon2id m=64 t=2 p=1"),
}  # fmt: skip
UNKNOWN = (
    "5f4dcc3b5aa765d61d8327deb882cf99", "{SSHA}abcdef==", "md5$salt$5f4dcc3b", "$1$salt$x",
    "$6$rounds=5000$salt$hash", "unusable", "!", "*", "", "{}", "[]", "{", '{"algorithm": "md5"}',
    '{"algorithm": {}, "hashIterations": 1, "salt": "", "value": ""}', "{" * 2_000,
    '{"credentialData": "1", "secretData": "2"}', "x" * 5_000, "\0", "\ud800", "$2b$12$short",
    "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$", "pbkdf2_sha256$1000$salt$****",
    f"$pbkdf2-sha256$i=1000,l=64${SALT}${pbkdf2('sha256')}", f"pbkdf2_sha256$1000$salt${b64(b'x')}",
    "pepper:main:plain", f"$scrypt$ln=1,r=8,p=1${SALT}$AAAA",
)  # fmt: skip
ABSURD = (
    "$2b$31$" + "." * 53, "$2b$17$" + "." * 53, "$2b$03$" + "." * 53,
    f"pbkdf2_sha256$4000000000$salt${pbkdf2('sha256')}",
    f"$pbkdf2-sha512$i=9999999999,l=64${SALT}${pbkdf2('sha512')}",
    f"$pbkdf2-sha512$i=0,l=64${SALT}${pbkdf2('sha512')}",
    f"$scrypt$ln=63,r=8,p=1${SALT}${scrypt()}", f"$scrypt$ln=20,r=8,p=99${SALT}${scrypt()}",
    f"scrypt$16385$salt$8$1${scrypt()}", f"scrypt$16384$salt$0$1${scrypt()}",
    "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    "$argon2id$v=19$m=65536,t=4000000,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    "$argon2id$v=19$m=8,t=1,p=99$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
)  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_vectors_are_understood(name: str) -> None:
    stored, password, kind = PUBLISHED[name]
    found = read(stored)
    assert (kind_of(stored), check_foreign(stored)) == (kind, kind)
    assert found.matches(password)
    assert not found.matches(password + b"x")


@pytest.mark.parametrize("name", OF_TODAY)
async def test_what_others_store_is_good_once_and_then_replaced(name: str) -> None:
    stored, kind = OF_TODAY[name]
    assert check_foreign(stored) == kind
    with Passwords(**CHEAP, workers=1) as passwords:
        verdict = await passwords.verify(stored, WORDS)
        assert (verdict.matches, verdict.corrupt) == (True, False)
        assert verdict.needs_rehash == (name != "Django, argon2"), "of today's parameters"
        wrong = await passwords.verify(stored, WORDS + "x")
        assert (wrong.matches, wrong.corrupt, wrong.needs_rehash) == (False, False, False)


@pytest.mark.parametrize("stored", UNKNOWN)
async def test_what_is_no_hash_is_refused_and_matches_nothing(stored: str) -> None:
    with pytest.raises(UnusableHashError) as refused:
        check_foreign(stored)
    assert stored == "" or len(stored) < 3 or stored not in str(refused.value)
    assert kind_of(stored) is None
    with Passwords(**CHEAP, workers=1) as passwords:
        verdict = await passwords.verify(stored, "")
    assert (verdict.matches, verdict.corrupt) == (False, True)


@pytest.mark.parametrize("stored", ABSURD)
async def test_a_hash_that_costs_too_much_is_refused_and_never_tried(stored: str) -> None:
    with pytest.raises(UnusableHashError, match="cost too much"):
        check_foreign(stored)
    with Passwords(**CHEAP, workers=1) as passwords:
        verdict = await passwords.verify(stored, WORDS)
    assert (verdict.matches, verdict.corrupt) == (False, True)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_nothing_that_is_stored_breaks_reading(stored: str) -> None:
    kind_of(stored)


@settings(deadline=None)
@given(
    st.sampled_from(["$argon2id$v=19$", "$2b$", "pbkdf2_", "$scrypt$", '{"algorithm":']), st.text()
)
def test_nothing_that_looks_like_a_hash_breaks_reading(start: str, rest: str) -> None:
    kind = kind_of(start + rest)
    assert kind is None or len(kind) <= 64


@pytest.mark.parametrize("kind", sorted({kind for *_, kind in (*PUBLISHED.values(),)}))
def test_a_kind_says_what_it_costs(kind: str) -> None:
    cost = cost_of_kind(kind)
    assert cost is not None
    assert cost.kind == kind
    assert 0 < cost.estimate < 5
    cost.spend()


@pytest.mark.parametrize(
    "kind", ["?", "", "bcrypt", "bcrypt c=31", "md5 i=1", "argon2id m=8 t=1", "scrypt n=3 r=8 p=1"]
)
def test_what_is_no_kind_costs_nothing(kind: str) -> None:
    assert cost_of_kind(kind) is None


async def test_bcrypt_looked_at_seventy_two_bytes_and_the_new_hash_looks_at_all() -> None:
    typed = "a" * 80
    stored = bcrypt.hashpw(typed.encode()[:72], bcrypt.gensalt(4)).decode()
    with Passwords(**CHEAP, workers=1) as passwords:
        assert (await passwords.verify(stored, typed)).matches
        new = await passwords.hash(typed)
        assert not (await passwords.verify(new, typed[:72])).matches


async def test_others_compared_what_was_typed_and_argon2_what_was_composed() -> None:
    composed, decomposed = "Gr\u00fcn und blau gestreift", "Gru\u0308n und blau gestreift"
    stored = bcrypt.hashpw(decomposed.encode(), bcrypt.gensalt(4)).decode()
    with Passwords(**CHEAP, workers=1) as passwords:
        assert (await passwords.verify(stored, decomposed)).matches
        assert not (await passwords.verify(stored, composed)).matches
        assert (await passwords.verify(await passwords.hash(decomposed), composed)).matches


PEPPER, NEXT = (Pepper(name, Secret(name * 16)) for name in ("old", "new"))


async def test_a_pepper_is_needed_and_named() -> None:
    with Passwords(**CHEAP, workers=1, peppers=(PEPPER,)) as passwords:
        stored = await passwords.hash(WORDS)
        assert stored.startswith("pepper:old:$argon2id$")
        assert kind_of(stored) == passwords.kind
        verdict = await passwords.verify(stored, WORDS)
        assert (verdict.matches, verdict.needs_rehash) == (True, False)
        assert not (await passwords.verify(stored, "wrong")).matches
        assert not (await passwords.verify(stored.removeprefix("pepper:old:"), WORDS)).matches


async def test_a_hash_without_a_pepper_or_with_an_older_one_is_made_anew() -> None:
    with Passwords(**CHEAP, workers=1) as passwords:
        bare = await passwords.hash(WORDS)
    with Passwords(**CHEAP, workers=1, peppers=(PEPPER,)) as passwords:
        old = await passwords.hash(WORDS)
    with Passwords(**CHEAP, workers=1, peppers=(NEXT, PEPPER)) as passwords:
        for stored in (bare, old):
            verdict = await passwords.verify(stored, WORDS)
            assert (verdict.matches, verdict.needs_rehash) == (True, True)
        assert (await passwords.hash(WORDS)).startswith("pepper:new:")


async def test_without_its_pepper_a_hash_is_good_for_nothing_and_somebody_is_told() -> None:
    with Passwords(**CHEAP, workers=1, peppers=(PEPPER,)) as passwords:
        stored = await passwords.hash(WORDS)
    for peppers in ((), (NEXT,)):
        with Passwords(**CHEAP, workers=1, peppers=peppers) as passwords:
            verdict = await passwords.verify(stored, WORDS)
            assert (verdict.matches, verdict.corrupt) == (False, True)
    with pytest.raises(UnusableHashError, match="pepper"):
        check_foreign(stored)
    assert check_foreign(stored, peppers=("old",)) == "argon2id m=8 t=1 p=1"


async def test_a_pepper_of_the_same_name_with_another_key_matches_nothing() -> None:
    with Passwords(**CHEAP, workers=1, peppers=(PEPPER,)) as passwords:
        stored = await passwords.hash(WORDS)
    other = Pepper("old", Secret("another key of the same name, which is wrong"))
    with Passwords(**CHEAP, workers=1, peppers=(other,)) as passwords:
        assert not (await passwords.verify(stored, WORDS)).matches


async def test_nothing_waits_where_all_hashes_are_of_todays_kind() -> None:
    with Passwords(**CHEAP, workers=1) as passwords:

        async def stored() -> tuple[str, ...]:
            return (passwords.kind, "?")

        assert await passwords.usual_time(stored) == 0.0


async def test_where_others_are_stored_an_answer_takes_as_long_as_the_slowest() -> None:
    asked = 0
    with Passwords(**CHEAP, workers=1) as passwords:

        async def stored() -> tuple[str, ...]:
            nonlocal asked
            asked += 1
            return (passwords.kind, "bcrypt c=7", "bcrypt c=4", "argon2id m=64 t=1 p=1")

        usual = await passwords.usual_time(stored)
        stored_hash = bcrypt.hashpw(WORDS.encode(), bcrypt.gensalt(7)).decode()
        for _ in range(20):
            await passwords.verify(stored_hash, "wrong")
        learned = await passwords.usual_time(stored)
    assert asked == 1, "what is stored is looked up now and then"
    assert usual > 0.01
    assert learned > 0.01


async def test_what_is_too_long_reaches_no_library() -> None:
    """Nothing longer than 1,024 bytes reaches any of the libraries, imported hashes included."""
    stored = OF_TODAY["bcrypt"][0]
    with Passwords(**CHEAP, workers=1) as passwords, pytest.raises(ValueError, match="1024"):
        await passwords.verify(stored, "x" * 1025)
