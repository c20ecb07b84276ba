"""Registering, changing and deleting apps: at Ory, and what the portal itself keeps about them.

Ory is told first and the portal writes down what happened: what Ory refuses leaves no trace here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from portal import logs
from portal.acting import require_admin
from portal.admin import client_registration as registration
from portal.admin.client_pages import (
    Box,
    ClientPage,
    ClientSecretPage,
    DeleteClientPage,
    FieldProblem,
    NewSecretPage,
)
from portal.admin.forms import ClientForm
from portal.admin.wording import changed_meanwhile, look_again
from portal.apps import clean_name
from portal.grants import Policy, span_in_words, usual_duration
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.ory.errors import OryConflictError, OryNotFoundError, OryRefusalError
from portal.ory.models import OAuth2Client, instant
from portal.page import GoTo, NotThereError
from portal.revocations import end_client, forget_client
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import ClientPolicy, User

PUBLIC: Final = "none"
TAKEN: Final = N_("An app with this id exists already. Was this form sent twice?")


class Desk:
    """What one administrator does about apps in one request."""

    def __init__(self, services: Services, *, admin: User, visitor: Visitor) -> None:
        self._services, self._admin, self._visitor = services, admin, visitor

    def new(self, form: ClientForm, *, error: str | None = None) -> ClientPage:
        """An empty form, or one that comes back because its token does not fit."""
        return self._page(form, is_new=True, error=error, status=403 if error else 200)

    async def create(self, form: ClientForm) -> ClientPage | ClientSecretPage:
        """Register an app. Its secret is on the page that answers, and nowhere else."""
        found = registration.problems(form)
        if found:
            return self._refused(form, found)
        body = registration.document(form) | {"client_id": form.client_id}
        await self._require_admin()
        try:
            made = await self._services.ory.create_client(body)
        except OryConflictError:
            return self._refused(form, {"client_id": _(TAKEN)})
        except OryRefusalError as exc:
            return self._refused(form, {}, error=_ory_says(exc))
        name = _name(form.client_id, form.client_name)
        policy = registration.policy_in(form)
        async with self._services.store.writing() as rows:
            await forget_client(rows, form.client_id, now=self._visitor.now)
            await self._audit(rows, "client.created", form.client_id, name, fields=body)
            if policy != Policy():
                await self._save_policy(rows, form.client_id, name, policy)
        logs.step("client.created", app=name)
        secret = made.get("client_secret")
        return ClientSecretPage(client_id=form.client_id, app_name=name, secret=secret)

    async def edit(
        self,
        client_id: str,
        *,
        typed: ClientForm | None = None,
        error: str | None = None,
        notice: str | None = None,
    ) -> ClientPage:
        """The form for an app as it is, or as it was *typed*."""
        client, policy = await self._read(client_id)
        return await self._edit_page(
            client, policy, typed, error=error, notice=notice, status=403 if error else 200
        )

    async def save(self, form: ClientForm) -> ClientPage | GoTo:
        """Change what was changed in the form, and nothing else that Ory keeps about the app."""
        client, policy = await self._read(form.client_id)
        before = registration.form_of(client, policy)
        found = registration.problems(form, before)
        if found:
            return await self._edit_page(client, policy, form, problems=found)
        seen = registration.fingerprint(before)
        if form.seen != seen:
            shown = msgspec.structs.replace(form, seen=seen)
            return await self._edit_page(
                client, policy, shown, error=changed_meanwhile("this app"), status=409
            )
        changes = registration.changes(before, form)
        await self._require_admin()
        try:
            if changes:
                await self._services.ory.update_client(form.client_id, changes)
        except OryRefusalError as exc:
            return await self._edit_page(client, policy, form, error=_ory_says(exc))
        new_policy = registration.policy_in(form)
        await self._write_down(form, changes, new_policy if new_policy != policy else None)
        changed = changes or new_policy != policy
        return edit_path(form.client_id, notice="saved" if changed else "same")

    async def delete_question(
        self, client_id: str, *, error: str | None = None
    ) -> DeleteClientPage:
        """What deleting an app would end. One that Ory has forgotten may have left something."""
        name, people, known = await self._doomed(client_id)
        return DeleteClientPage(
            status=403 if error else 200,
            error=error,
            client_id=client_id,
            app_name=name,
            people=people,
            known=known,
        )

    async def delete(self, client_id: str) -> GoTo:
        """Delete the app at Ory, then mark what people gave to it as ended."""
        name, _, known = await self._doomed(client_id)
        await self._require_admin()
        if known:
            try:
                await self._services.ory.delete_client(client_id)
            except OryNotFoundError:
                logs.step("client.gone", app=name)  # somebody was faster: the end is the same
        async with self._services.store.writing() as rows:
            await end_client(
                rows,
                client_id=client_id,
                app=name,
                actor=self._admin.subject,
                now=self._visitor.now,
                origin=self._visitor.origin,
            )
        logs.step("client.deleted", app=name)
        return GoTo("/admin/clients?notice=deleted")

    async def secret_question(self, client_id: str, *, error: str | None = None) -> NewSecretPage:
        """Before a secret is replaced; a public app has none."""
        client = await self._with_secret(client_id)
        return NewSecretPage(
            status=403 if error else 200,
            error=error,
            client_id=client_id,
            app_name=_name(client_id, client.client_name),
        )

    async def replace_secret(self, client_id: str, secret: str) -> ClientSecretPage:
        """Give an app another secret; the old one is of no use from then on."""
        client = await self._with_secret(client_id)
        name = _name(client_id, client.client_name)
        await self._require_admin()
        await self._services.ory.update_client(client_id, {"client_secret": secret})
        async with self._services.store.writing() as rows:
            await self._audit(rows, "client.updated", client_id, name, fields=("client_secret",))
        logs.step("client.updated", app=name)
        return ClientSecretPage(client_id=client_id, app_name=name, secret=secret, is_new=False)

    async def _require_admin(self) -> None:
        """Just before Ory is told: what was done there has to be written down, whoever did it."""
        async with self._services.store.reading() as rows:
            await require_admin(rows, self._admin.subject)

    async def _read(self, client_id: str) -> tuple[OAuth2Client, Policy]:
        try:
            client = await self._services.ory.get_client(client_id)
        except OryNotFoundError as exc:
            raise NotThereError from exc
        async with self._services.store.reading() as rows:
            return client, Policy.of(await rows.policies.find(client_id))

    async def _with_secret(self, client_id: str) -> OAuth2Client:
        client, _ = await self._read(client_id)
        if client.token_endpoint_auth_method == PUBLIC:
            raise NotThereError
        return client

    async def _doomed(self, client_id: str) -> tuple[str, int, bool]:
        """Name, people who have it connected, and whether Ory knows it."""
        name, known = client_id, True
        try:
            name = (await self._services.ory.get_client(client_id)).client_name
        except OryNotFoundError:
            known = False
        async with self._services.store.reading() as rows:
            people = (await rows.grants.count_people([client_id])).get(client_id, 0)
            policy = await rows.policies.find(client_id)
        if not known and not people and policy is None:
            raise NotThereError
        return _name(client_id, name), people, known

    async def _edit_page(
        self,
        client: OAuth2Client,
        policy: Policy,
        typed: ClientForm | None = None,
        *,
        problems: Mapping[str, str] | None = None,
        error: str | None = None,
        notice: str | None = None,
        status: int = 422,
    ) -> ClientPage:
        before = registration.form_of(client, policy)
        async with self._services.store.reading() as rows:
            people = await rows.grants.count_people([client.client_id])
        return self._page(
            typed or before,
            problems=problems or {},
            error=error,
            status=status,
            seen=typed.seen if typed else registration.fingerprint(before),
            app_name=_name(client.client_id, client.client_name),
            created=instant(client.created_at),
            people=people.get(client.client_id, 0),
            has_secret=client.token_endpoint_auth_method != PUBLIC,
            notice=notice,
        )

    def _refused(
        self, form: ClientForm, problems: Mapping[str, str], *, error: str | None = None
    ) -> ClientPage:
        """A new app's form again."""
        return self._page(form, problems=problems, is_new=True, error=error, status=422)

    def _page(
        self,
        form: ClientForm,
        *,
        problems: Mapping[str, str] | None = None,
        error: str | None = None,
        **more: Any,
    ) -> ClientPage:
        found = problems or {}
        return ClientPage(
            account=self._admin.email,
            form=form,
            grant_types=_boxes(_looked_up(registration.GRANT_TYPES), form.grant_types),
            response_types=_boxes(
                {kind: kind for kind in registration.RESPONSE_TYPES}, form.response_types
            ),
            auth_methods=_boxes(
                _looked_up(registration.AUTH_METHODS), [form.token_endpoint_auth_method]
            ),
            usual_duration=self._usual_duration(),
            problems=tuple(FieldProblem(field=f, text=words) for f, words in found.items()),
            error=error or look_again(len(found)),
            **more,
        )

    def _usual_duration(self) -> str | None:
        usual = usual_duration(self._services.settings)
        return span_in_words(usual) if usual else None

    async def _write_down(
        self, form: ClientForm, changes: Mapping[str, Any], policy: Policy | None
    ) -> None:
        if not changes and policy is None:
            return
        name = _name(form.client_id, form.client_name)
        async with self._services.store.writing() as rows:
            if changes:
                await self._audit(rows, "client.updated", form.client_id, name, fields=changes)
            if policy is not None:
                await self._save_policy(rows, form.client_id, name, policy)
        logs.step("client.updated", app=name)

    async def _save_policy(self, rows: Rows, client_id: str, name: str, policy: Policy) -> None:
        longest = None if policy.longest is None else int(policy.longest.total_seconds())
        values: dict[str, Any] = {
            "verified": policy.verified,
            "required_scopes": list(policy.required_scopes),
            "longest_grant": longest,
            "required_acr": policy.required_acr,
        }
        await rows.policies.save(
            ClientPolicy(
                client_id=client_id,
                updated_at=self._visitor.now,
                updated_by=self._admin.subject,
                **values,
            )
        )
        await self._audit(rows, "policy.changed", client_id, name, **values)

    async def _audit(
        self, rows: Rows, action: str, client_id: str, name: str, **detail: Any
    ) -> None:
        """*fields* are named, their values are Ory's to keep."""
        if "fields" in detail:
            detail["fields"] = sorted(detail["fields"])
        await rows.audit.add(
            action,
            at=self._visitor.now,
            actor=self._admin.subject,
            client_id=client_id,
            detail={"app": name, **detail},
            origin=self._visitor.origin,
        )


def edit_path(client_id: str, **more: str) -> GoTo:
    """The page of one app."""
    return GoTo("/admin/clients/edit?" + urlencode({"client_id": client_id, **more}))


def _looked_up(texts: Mapping[str, str]) -> dict[str, str]:
    return {value: _(text) for value, text in texts.items()}


def _boxes(known: Mapping[str, str], chosen: Iterable[str]) -> tuple[Box, ...]:
    """Every value that can be chosen, and those that the app has although no form offers them."""
    given = list(dict.fromkeys(chosen))
    offered = dict(known) | {value: value for value in given if value not in known}
    return tuple(
        Box(value=value, text=text, chosen=value in given) for value, text in offered.items()
    )


def _ory_says(exc: OryRefusalError) -> str:
    if not exc.description:
        return _("Ory refuses this, and does not say why. Its log may.")
    return _("Ory refuses this: {reason}").format(reason=exc.description)


def _name(client_id: str, client_name: str) -> str:
    return clean_name(client_name) or clean_name(client_id)
