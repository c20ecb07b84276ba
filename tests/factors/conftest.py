"""Fixtures of the tests of factors: Ann as the table of users has her, and her passkeys."""

from typing import Any

import pytest

from portal.factors import passkeys
from portal.store.tables import Passkey, User
from tests.doubles.authenticator import Authenticator
from tests.factors.steps import Register, challenge, nothing_ends, standing, visitor
from tests.fixtures.portal import Portal
from tests.real.portal import Person


@pytest.fixture
async def user(portal: Portal, ann: Person) -> User:
    return await portal.user(ann)


@pytest.fixture
def register(portal: Portal) -> Register:
    async def make(key: Authenticator, user: User, *, name: str = "", **changes: Any) -> Passkey:
        asked = challenge()
        options = passkeys.creation_options(
            user, await standing(portal, user), challenge=asked, settings=portal.settings
        )
        added = await passkeys.register(
            portal.services,
            user,
            credential=key.create(asked, options, **changes),
            challenge=asked,
            name=name,
            visitor=visitor(),
            settle=nothing_ends,
        )
        return added.factor

    return make
