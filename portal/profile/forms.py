"""What the page of somebody's own data posts: a text for each claim that they may edit."""

from typing import Final, cast

import msgspec

from portal.claims.standard import FIELDS

_ATTRIBUTES: Final = {field.name: field.name.replace(".", "_") for field in FIELDS}


class ProfileForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each form has; :data:`FORM` has the claims besides."""

    form_token: str = ""

    def posted(self) -> dict[str, str]:
        """What was typed, by the name of the claim; what was not sent is left out."""
        found = {name: getattr(self, of) for name, of in _ATTRIBUTES.items()}
        return {name: text for name, text in found.items() if isinstance(text, str)}


FORM: Final = cast(
    type[ProfileForm],
    msgspec.defstruct(
        "FilledProfileForm",
        [
            (attribute, str | msgspec.UnsetType, msgspec.field(default=msgspec.UNSET, name=name))
            for name, attribute in _ATTRIBUTES.items()
        ],
        bases=(ProfileForm,),
        kw_only=True,
        frozen=True,
        forbid_unknown_fields=True,
    ),
)
