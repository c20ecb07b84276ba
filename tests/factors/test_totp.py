"""One-time codes: each is taken once, near its time, and only of whose they are."""

import re

import pytest
import segno

from portal import retention
from portal.factors import FactorError, totp
from portal.factors.standing import standing_of
from portal.factors.totp import STALE_SETUP, WrongCodeError
from portal.sealing import Sealer
from portal.settings import Secret
from portal.store.tables import User
from tests.factors.steps import (
    NOW,
    STEP,
    add_app,
    check_code,
    nothing_ends,
    scanned_by_app,
    visitor,
)
from tests.fixtures.portal import KEY, NewPortal, Portal
from tests.real.portal import Person


async def test_an_app_is_told_who_it_is_for(portal: Portal, user: User) -> None:
    setup = totp.begin(user, portal.services, now=NOW)
    scanned = scanned_by_app(setup)
    assert (scanned.name, scanned.issuer) == (user.email, "login.example.org")
    assert (scanned.digits, scanned.interval, scanned.digest().name) == (6, 30, "sha1")
    assert scanned.secret == setup.secret.replace(" ", "")
    assert len(scanned.secret) == 32
    assert scanned.secret not in setup.sealed


def test_the_picture_says_what_the_app_is_told() -> None:
    uri = "otpauth://totp/Example:ann%40example.org?secret=JBSWY3DPEHPK3PXP&issuer=Example"
    made = segno.make(uri, error="m", micro=False)
    drawn = totp._picture(uri)
    dark = set()
    for x, y, width, back in re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", drawn.path):
        assert width == back
        dark |= {(int(x) + n, int(y)) for n in range(int(width))}
    margin = 4
    expected = {
        (x + margin, y + margin)
        for y, row in enumerate(made.matrix)
        for x, module in enumerate(row)
        if module
    }
    assert dark == expected
    assert drawn.side == len(made.matrix) + 2 * margin


async def test_what_somebody_types_may_have_blanks_and_wide_digits(
    portal: Portal, user: User
) -> None:
    setup = totp.begin(user, portal.services, now=NOW)
    code = scanned_by_app(setup).at(NOW)
    wide = "".join(chr(ord(digit) - ord("0") + 0xFF10) for digit in code)
    typed = f" {wide[:3]} {wide[3:]} "
    await totp.confirm(
        portal.services,
        user,
        sealed=setup.sealed,
        code=typed,
        name=" My\tphone ",
        visitor=visitor(),
        settle=nothing_ends,
    )
    async with portal.store.reading() as rows:
        (kept,) = (await standing_of(rows, user.subject)).totp
    assert kept.name == "My phone"
    assert scanned_by_app(setup).secret not in kept.sealed_secret


async def test_the_form_may_come_back_with_the_same_secret(portal: Portal, user: User) -> None:
    first = totp.begin(user, portal.services, now=NOW)
    again = totp.resume(user, first.sealed, portal.services, now=NOW)
    assert (again.uri, again.qr) == (first.uri, first.qr)
    assert again.sealed == first.sealed, "it does not begin anew"


async def test_nobody_sets_up_by_the_secret_of_another(
    portal: Portal, user: User, bob: Person
) -> None:
    setup = totp.begin(await portal.user(bob), portal.services, now=NOW)
    stored, _ = await add_app(portal, user)
    for sealed in (setup.sealed, stored.sealed_secret, "", "x.y", "é", "\ud800"):
        with pytest.raises(FactorError, match=STALE_SETUP):
            totp.resume(user, sealed, portal.services, now=NOW)


@pytest.mark.parametrize("code", ["", "000000", "abcdef", "1" * 10_000, "\x00", "١٢٣٤٥٦", "\ud800"])
async def test_a_wrong_code_adds_nothing(portal: Portal, user: User, code: str) -> None:
    setup = totp.begin(user, portal.services, now=NOW)
    assert scanned_by_app(setup).at(NOW) != code
    with pytest.raises(WrongCodeError):
        await totp.confirm(
            portal.services,
            user,
            sealed=setup.sealed,
            code=code,
            name="",
            visitor=visitor(),
            settle=nothing_ends,
        )
    assert await portal.actions() == []


async def test_the_code_that_added_the_app_is_used_up(portal: Portal, user: User) -> None:
    _, device = await add_app(portal, user)
    assert not await check_code(portal, user.subject, device.at(NOW), NOW)
    assert await check_code(portal, user.subject, device.at(NOW + STEP), NOW + STEP)


async def test_a_code_counts_within_half_a_minute_of_its_time(portal: Portal, user: User) -> None:
    _, device = await add_app(portal, user)
    later = NOW + 10 * STEP
    for away, fits in ((-2, False), (2, False), (-1, True), (1, True)):
        code = device.at(later + away * STEP)
        assert await check_code(portal, user.subject, code, later) is fits
    assert not await check_code(portal, user.subject, device.at(later), later), (
        "a later one was taken"
    )


async def test_a_code_is_worth_nothing_for_anybody_else(
    portal: Portal, user: User, bob: Person
) -> None:
    _, device = await add_app(portal, user)
    later = NOW + 4 * STEP
    assert not await check_code(portal, bob.subject, device.at(later), later)
    assert not await check_code(portal, "nobody", device.at(later), later)
    assert await check_code(portal, user.subject, device.at(later), later)


async def test_either_of_two_apps_is_good(portal: Portal, user: User) -> None:
    _, one = await add_app(portal, user)
    _, other = await add_app(portal, user, now=NOW + STEP)
    later = NOW + 4 * STEP
    assert await check_code(portal, user.subject, one.at(later), later)
    assert await check_code(portal, user.subject, other.at(later), later)


async def test_apps_end_at_five(portal: Portal, user: User) -> None:
    for _ in range(totp.MAX_APPS):
        await add_app(portal, user)
    with pytest.raises(FactorError, match="enough"):
        await add_app(portal, user)


async def test_a_new_key_seals_what_an_older_one_did(
    new_portal: NewPortal, caplog: pytest.LogCaptureFixture
) -> None:
    first = await new_portal()
    ann = await first.add_user("ann@example.org")
    _, device = await add_app(first, await first.user(ann))
    newer = f"another-{KEY}"
    both = await new_portal(SECRET_KEY=f"{newer},{KEY}")
    assert not await retention.seal_codes_anew(both.services, now=NOW)
    only = await new_portal(SECRET_KEY=newer)
    later = NOW + 4 * STEP
    assert await check_code(only, ann.subject, device.at(later), later)
    assert not caplog.text


async def test_what_no_key_opens_is_told_and_opens_nothing(
    new_portal: NewPortal, caplog: pytest.LogCaptureFixture
) -> None:
    first = await new_portal()
    ann = await first.add_user("ann@example.org")
    _, device = await add_app(first, await first.user(ann))
    other = await new_portal(SECRET_KEY=f"another-{KEY}")
    later = NOW + 4 * STEP
    assert not await check_code(other, ann.subject, device.at(later), later)
    assert not await retention.seal_codes_anew(other.services, now=NOW)
    assert caplog.text.count("factor.unsealable") == 2


def test_what_is_sealed_for_one_purpose_opens_for_no_other() -> None:
    sealer = Sealer([Secret(KEY)])
    sealed = sealer.seal("s", totp._setup_purpose("ann"))
    with pytest.raises(Exception, match="cannot be opened"):
        sealer.open(sealed, totp._purpose("ann"))
