"""What second factors need to be remembered, on both databases."""

import asyncio

import pytest

from portal.store.errors import AlreadyExistsError
from portal.store.tables import Passkey, SignIn, TotpFactor
from tests.store.records import MINUTE, NOW


def passkey(credential_id="cred", subject="ann", **fields):
    values = {
        "public_key": "cose",
        "sign_count": 4,
        "transports": ["internal"],
        "backed_up": False,
        "name": "Laptop",
        "created_at": NOW,
    }
    return Passkey(credential_id=credential_id, subject=subject, **values | fields)


def totp(factor_id="1", subject="ann", **fields):
    values = {"sealed_secret": "key1.sealed", "name": "Phone", "created_at": NOW}
    return TotpFactor(id=factor_id, subject=subject, **values | fields)


def sign_in(key_hash="k", subject="ann", **fields):
    values = {"epoch": 0, "amr": ["pwd"], "remember": False, "started_at": NOW}
    return SignIn(key_hash=key_hash, subject=subject, **values | fields)


async def test_a_credential_belongs_to_whoever_brought_it_first(store):
    async with store.writing() as rows:
        await rows.passkeys.add(passkey())
    with pytest.raises(AlreadyExistsError):
        async with store.writing() as rows:
            await rows.passkeys.add(passkey(subject="bob"))
    async with store.reading() as rows:
        assert (await rows.passkeys.find("cred")).subject == "ann"
        assert await rows.passkeys.of_subject("bob") == ()


async def test_a_passkey_is_used_once_for_each_count(store):
    async with store.writing() as rows:
        await rows.passkeys.add(passkey())
    found = passkey()

    async def use():
        async with store.writing() as rows:
            return await rows.passkeys.use(found, sign_count=5, backed_up=True, at=NOW)

    assert sorted(await asyncio.gather(use(), use(), use())) == [False, False, True]
    async with store.reading() as rows:
        after = await rows.passkeys.find("cred")
    assert (after.sign_count, after.backed_up, after.last_used_at) == (5, True, NOW)


async def test_nobody_renames_or_deletes_what_is_somebody_else_s(store):
    async with store.writing() as rows:
        await rows.passkeys.add(passkey())
        await rows.totp_factors.add(totp())
        assert not await rows.passkeys.rename("bob", "cred", "Mine")
        assert not await rows.passkeys.delete("bob", "cred")
        assert not await rows.totp_factors.rename("bob", "1", "Mine")
        assert not await rows.totp_factors.delete("bob", "1")
        assert await rows.totp_factors.find("bob", "1") is None
        assert await rows.passkeys.rename("ann", "cred", "Work")
        assert await rows.totp_factors.rename("ann", "1", "Tablet")
        assert [p.name for p in await rows.passkeys.of_subject("ann")] == ["Work"]
        assert [t.name for t in await rows.totp_factors.of_subject("ann")] == ["Tablet"]
        assert await rows.passkeys.delete("ann", "cred")
        assert await rows.totp_factors.delete_all("ann") == 1


async def test_a_code_is_taken_once_and_no_earlier_one_after_it(store):
    async with store.writing() as rows:
        await rows.totp_factors.add(totp())

    async def use(step):
        async with store.writing() as rows:
            return await rows.totp_factors.use("1", step=step, at=NOW)

    assert sorted(await asyncio.gather(use(7), use(7), use(7))) == [False, False, True]
    assert not await use(6)
    assert await use(8)


async def test_a_secret_is_sealed_anew_only_where_it_was_not_meanwhile(store):
    async with store.writing() as rows:
        await rows.totp_factors.add(totp())
        await rows.totp_factors.add(totp("2", sealed_secret="key2.sealed"))
        assert [t.id for t in await rows.totp_factors.sealed_otherwise("key2", 10)] == ["1"]
        assert await rows.totp_factors.reseal("1", old="key1.sealed", new="key2.other")
        assert not await rows.totp_factors.reseal("1", old="key1.sealed", new="key2.third")
        assert await rows.totp_factors.sealed_otherwise("key2", 10) == ()


async def test_a_recovery_code_is_good_once_and_for_its_owner(store):
    async with store.writing() as rows:
        await rows.recovery_codes.replace("ann", ["a" * 64, "b" * 64], at=NOW)
        await rows.recovery_codes.replace("bob", ["a" * 64], at=NOW)

    async def use(subject, code):
        async with store.writing() as rows:
            return await rows.recovery_codes.use(subject, code * 64, NOW)

    assert sorted(await asyncio.gather(use("ann", "a"), use("ann", "a"))) == [False, True]
    assert not await use("bob", "b")
    async with store.reading() as rows:
        assert await rows.recovery_codes.count_left("ann") == 1
        assert await rows.recovery_codes.count_left("bob") == 1


async def test_new_recovery_codes_end_the_old_ones(store):
    async with store.writing() as rows:
        await rows.recovery_codes.replace("ann", ["a" * 64], at=NOW)
        await rows.recovery_codes.replace("ann", ["c" * 64], at=NOW + MINUTE)
        assert not await rows.recovery_codes.use("ann", "a" * 64, NOW)
        assert await rows.recovery_codes.count_left("ann") == 1


async def test_one_alone_finishes_a_sign_in(store):
    async with store.writing() as rows:
        await rows.sign_ins.save(sign_in())
        await rows.sign_ins.save(sign_in(subject="bob", amr=["pwd", "otp"]))

    async def end():
        async with store.writing() as rows:
            return await rows.sign_ins.end("k")

    async with store.reading() as rows:
        assert (await rows.sign_ins.find("k")).subject == "bob"
    assert sorted(await asyncio.gather(end(), end())) == [False, True]


async def test_old_sign_ins_and_proofs_are_forgotten(store):
    async with store.writing() as rows:
        await rows.sign_ins.save(sign_in("old", started_at=NOW - MINUTE))
        await rows.sign_ins.save(sign_in("new"))
        await rows.spent_proofs.spend("0" * 64, NOW - MINUTE)
        await rows.spent_proofs.spend("1" * 64, NOW)
        assert await rows.sign_ins.delete_before(NOW, 10) == 1
        assert await rows.spent_proofs.delete_before(NOW, 10) == 1
        assert await rows.sign_ins.find("new") is not None


async def test_a_proof_is_spent_once(store):
    async def spend():
        async with store.writing() as rows:
            return await rows.spent_proofs.spend("0" * 64, NOW)

    assert sorted(await asyncio.gather(spend(), spend(), spend())) == [False, False, True]
