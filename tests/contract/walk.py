"""Random walks: the same steps on several servers at once, and what each of them shows.

A step is drawn before anybody knows what will come of it, so that all servers get the same ones:
"the third page that was reached" may be another kind of page after other steps, but is the same on
each server as long as they behave alike.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.contract.driver import (
    AFTER_LOGOUT,
    CONSENT_UI,
    LOGIN_UI,
    LOGOUT_UI,
    App,
    Browser,
    Document,
    Ory,
    Page,
)
from tests.contract.jose import claims

KINDS = {LOGIN_UI: "login", CONSENT_UI: "consent", LOGOUT_UI: "logout"}
SCOPES = ("openid", "offline", "read", "write")
AUDIENCES = ("https://a.test", "https://b.test")
PROMPTS = ("none", "login", "consent", "login consent", "select_account", "none login", "guess")
ACTIONS = {
    "authorize": 14,
    "answer": 26,
    "follow": 26,
    "redeem": 12,
    "refresh": 5,
    "revoke": 2,
    "delete_consents": 2,
    "delete_logins": 1,
    "log_out": 3,
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is done next. *which* picks among what there is; *older*: not the newest of it."""

    action: str
    browser: int
    app: int
    person: int
    which: int
    older: bool
    rejects: bool
    scope: str
    hint: bool
    parameters: dict[str, str]
    login: Document
    consent: Document


def steps(rng: random.Random) -> Iterator[Step]:
    """Endless steps; likely ones more often, so that flows come to their end."""

    def sometimes(chance: float, value: Document) -> Document:
        return value if rng.random() < chance else {}

    def some_scopes() -> list[str]:
        return [scope for scope in SCOPES if rng.random() < 0.6]

    while True:
        yield Step(
            action=rng.choices(list(ACTIONS), list(ACTIONS.values()))[0],
            browser=rng.choices((0, 1), (5, 1))[0],
            app=rng.choices((0, 1, 2), (4, 2, 1))[0],
            person=rng.choices((0, 1), (4, 1))[0],
            which=rng.randrange(100),
            older=rng.random() < 0.15,
            rejects=rng.random() < 0.1,
            scope=" ".join(some_scopes()),
            hint=rng.random() < 0.12,
            parameters={
                **sometimes(0.35, {"prompt": rng.choice(PROMPTS)}),
                **sometimes(0.1, {"max_age": "3600"}),
                **sometimes(0.3, {"audience": rng.choice(AUDIENCES)}),
            },
            login={
                "remember": rng.random() < 0.6,
                "remember_for": rng.choice((0, 60, 3600)),
                **sometimes(0.3, {"acr": "2", "amr": ["pwd"]}),
                **sometimes(0.3, {"context": {"epoch": 1}}),
                **sometimes(0.2, {"extend_session_lifespan": True}),
            },
            consent={
                "remember": rng.random() < 0.6,
                "remember_for": rng.choice((0, 0, 3600)),
                "session": {"id_token": {"name": "Ann"}},
                **sometimes(0.8, {"grant_scope": some_scopes()}),
                **sometimes(0.3, {"context": {"decision_id": "d"}}),
                **sometimes(0.3, {"grant_access_token_audience": [AUDIENCES[0]]}),
            },
        )


class Walk:
    """Two people, two browsers and three apps at one server, and what they have got so far."""

    def __init__(self, ory: Ory, name: str, new_browser: Callable[[Ory], Browser]) -> None:
        self.ory = ory
        self.people = (f"ann-{name}", f"bob-{name}")
        self.browsers = (new_browser(ory), new_browser(ory))
        public: Document = {"token_endpoint_auth_method": "none", "audience": AUDIENCES}
        self.apps = (
            ory.register(client_id=f"photos-{name}", audience=AUDIENCES),
            ory.register(client_id=f"notes-{name}", **public),
            ory.register(client_id=f"phone-{name}", redirect_uris=["com.example:/cb"], **public),
        )
        self.pages: list[Page] = []
        self.redirects: list[str] = []
        self.codes: list[str] = []
        self.tokens: list[tuple[App, Document]] = []

    def take(self, step: Step) -> Any:
        """Take *step*; what was to be seen, None where there was nothing to do it with."""
        return getattr(self, step.action)(step)

    def authorize(self, step: Step) -> Any:
        app = self.apps[step.app]
        url = app.authorize_url(step.scope, state="12345678", **step.parameters, **self._hint(step))
        return self._see(self.browsers[step.browser].open(url))

    def log_out(self, step: Step) -> Any:
        query = self._hint(step)
        if query and step.older:
            query |= {"post_logout_redirect_uri": AFTER_LOGOUT, "state": "s"}
        url = httpx.URL(f"{self.ory.public_url}/oauth2/sessions/logout").copy_merge_params(query)
        return self._see(self.browsers[step.browser].open(str(url)))

    def answer(self, step: Step) -> Any:
        """Accept or reject at one of the pages that were reached, whatever became of it since."""
        page = self._pick(self.pages, step)
        if page is None:
            return None
        kind, verdict = KINDS[page.place], "reject" if step.rejects else "accept"
        how = {"json": self._body(kind, page, step)} if kind != "logout" else {}
        answer = self.ory.put(kind, verdict, page.challenge, **how)
        if answer.status_code != 200:
            return kind, answer.status_code
        self.redirects.append(answer.json()["redirect_to"])
        return kind, 200, sorted(httpx.URL(self.redirects[-1]).params)

    def _body(self, kind: str, page: Page, step: Step) -> Document:
        if step.rejects:
            return {"error": "access_denied"}
        asked = self.ory.get(kind, page.challenge).json()
        if kind == "consent":
            return {"grant_scope": asked["requested_scope"]} | step.consent
        known = asked["skip"] and step.which < 90
        return step.login | {"subject": asked["subject"] if known else self.people[step.person]}

    def follow(self, step: Step) -> Any:
        url = self._pick(self.redirects, step)
        return None if url is None else self._see(self.browsers[step.browser].open(url))

    def redeem(self, step: Step) -> Any:
        code = self._pick(self.codes, step)
        app = self.apps[step.app]
        return None if code is None else self._receive(app, app.redeem(code))

    def refresh(self, step: Step) -> Any:
        found = self._pick([one for one in self.tokens if "refresh_token" in one[1]], step)
        if found is None:
            return None
        app, tokens = found
        app = self.apps[step.app] if step.hint else app
        return self._receive(app, app.refresh(tokens["refresh_token"]))

    def revoke(self, step: Step) -> Any:
        found = self._pick(self.tokens, step)
        if found is None:
            return None
        app, tokens = found
        kind = "refresh_token" if step.hint and "refresh_token" in tokens else "access_token"
        return app.revoke(tokens[kind]).status_code

    def delete_consents(self, step: Step) -> Any:
        of = {"all": "true"} if step.hint else {"client": self.apps[step.app].client_id}
        return self.ory.delete_consents(subject=self.people[step.person], **of)

    def delete_logins(self, step: Step) -> Any:
        return self.ory.delete_logins(subject=self.people[step.person])

    def memory(self) -> Any:
        """What the server lists, and which of all tokens live."""
        listed = [sorted(map(_row, self.ory.list_consents(one))) for one in self.people]
        names = ("access_token", "refresh_token")
        alive = [
            [self.ory.is_active(tokens[name]) for name in names if name in tokens]
            for _, tokens in self.tokens
        ]
        return listed, alive

    def _hint(self, step: Step) -> dict[str, str]:
        found = [tokens["id_token"] for _, tokens in self.tokens if "id_token" in tokens]
        return {"id_token_hint": found[step.which % len(found)]} if step.hint and found else {}

    @staticmethod
    def _pick(things: list[Any], step: Step) -> Any:
        if not things:
            return None
        return things[step.which % len(things)] if step.older else things[-1]

    def _see(self, page: Page) -> Any:
        """Where a browser has stopped, with what is asked there."""
        cookie = page.session_cookie
        seen = [
            page.place.replace(self.ory.public_url, "ory"),
            page.answer.status_code,
            sorted(page.query),
            page.query.get("error"),
            cookie and cookie["max-age"],
        ]
        if "code" in page.query:
            self.codes.append(page.query["code"])
        if page.place not in KINDS:
            return seen
        self.pages.append(page)
        answer = self.ory.get(KINDS[page.place], page.challenge)
        told = ("skip", "subject", "requested_scope", "acr", "amr", "context", "rp_initiated")
        return [*seen, answer.status_code, [answer.json().get(name) for name in told]]

    def _receive(self, app: App, answer: httpx.Response) -> Any:
        """What the token endpoint has said."""
        told = answer.json()
        if answer.status_code != 200:
            return answer.status_code, told["error"]
        self.tokens.append((app, told))
        inside = claims(told["id_token"]) if "id_token" in told else {}
        audience = self.ory.introspect(told["access_token"]).get("aud")
        said = [inside.get(name) for name in ("sub", "acr", "amr", "name")]
        return sorted(told), told["scope"], sorted(inside), said, audience


def _row(listed: Document) -> str:
    """What matters of a listed consent, as text that can be sorted."""
    asked = listed["consent_request"]
    kept = [listed[name] for name in ("grant_scope", "remember", "remember_for", "context")]
    has_session = bool(asked["login_session_id"])
    audience = listed["grant_access_token_audience"]
    return json.dumps([*kept, audience, asked["client"]["client_id"], has_session])
