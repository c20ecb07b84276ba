"""What was granted, and who is signed in: listed and deleted by the admin side."""

from collections.abc import Callable
from typing import Any

from portal.dev.standin.errors import INVALID_REQUEST, OAuthError
from portal.dev.standin.http import Request, Response, answer, no_content
from portal.dev.standin.pagination import count_headers, keyed_page, window_of
from portal.dev.standin.requests import consent_document
from portal.dev.standin.state import Consent, State

Meant = Callable[[Consent], bool]


class Sessions:
    """``/admin/oauth2/auth/sessions``. *sign_out* tells the apps of a session that it ends."""

    def __init__(self, state: State, *, sign_out: Callable[[str, str], None]) -> None:
        self._state, self._sign_out = state, sign_out

    def list_consents(self, request: Request) -> Response:
        subject = request.query.get("subject")
        if not subject:
            raise _missing("subject")
        rows = list(self._state.consents_of(subject))
        of_session = request.query.get("login_session_id")
        shown = [c for c in rows if not of_session or c.login_session_id == of_session]
        if self._state.profile.counts_pages:
            return self._by_offset(request, shown, total=len(rows))
        return self._by_key(request, shown)

    def _by_offset(self, request: Request, rows: list[Consent], *, total: int) -> Response:
        window = window_of(request)
        cut = rows[window.offset : window.offset + window.size]
        alive = [consent for consent in cut if not self._state.is_over(consent)]
        if not alive:
            return answer([])
        # 2.3 hands both numbers over in the wrong order
        headers = count_headers(request, total=total, page=window.size, size=window.offset)
        return answer([self._document(consent) for consent in alive], 200, *headers)

    def _by_key(self, request: Request, rows: list[Consent]) -> Response:
        keyed = sorted(
            ((c.flow.id, c) for c in rows if not self._state.is_over(c)), key=lambda row: row[0]
        )
        shown, headers = keyed_page(request, self._state, keyed)
        if not shown:
            return answer([])
        return answer([self._document(consent) for consent in shown], 200, *headers)

    def _document(self, consent: Consent) -> dict[str, Any]:
        flow = consent.flow
        challenge = consent.request_id if self._state.profile.counts_pages else ""
        named: dict[str, Any] = {}
        if self._state.profile.consent_request_ids:
            named["consent_request_id"] = flow.consent_request_id
        return named | {
            "grant_scope": flow.grant_scope,
            "grant_access_token_audience": flow.grant_audience,
            "session": {"access_token": flow.access_token_claims, "id_token": flow.id_token_claims},
            "remember": flow.consent_remember,
            "remember_for": flow.consent_remember_for,
            "handled_at": flow.handled_at,
            "context": flow.context,
            "consent_request": consent_document(
                flow, challenge, state=self._state, login_session_id=consent.login_session_id
            ),
        }

    def delete_consents(self, request: Request) -> Response:
        self._state.delete_consents(self._meant_by(request))
        return no_content()

    def _meant_by(self, request: Request) -> Meant:
        query = request.query
        subject, client_id = query.get("subject"), query.get("client")
        all_clients = query.get("all") == "true"
        by_id = query.get("consent_request_id")
        if self._state.profile.consent_request_ids:
            if by_id and not (subject or client_id or query.get("all")):
                return lambda consent: consent.flow.consent_request_id == by_id
            if by_id or (client_id and all_clients):
                raise INVALID_REQUEST("These query parameters exclude one another.")
        if not subject:
            raise _missing("subject")
        if client_id:
            pair = (subject, client_id)
            return lambda consent: (consent.flow.subject, consent.flow.client_id) == pair
        if all_clients:
            return lambda consent: consent.flow.subject == subject
        raise INVALID_REQUEST(
            "Query parameter both 'client' and 'all' is not defined but one of them should have "
            "been."
        )

    def delete_logins(self, request: Request) -> Response:
        subject, session_id = request.query.get("subject"), request.query.get("sid")
        if session_id:
            session = self._state.find_remembered(session_id)
            if session:
                self._sign_out(session.subject, session_id)
                self._state.delete_login_session(session_id)
        elif subject:
            of_subject = [s.id for s in self._state.login_sessions.values() if s.subject == subject]
            for known in of_subject:
                self._state.delete_login_session(known)
        else:
            raise INVALID_REQUEST("Either 'subject' or 'sid' query parameters need to be defined.")
        return no_content()


def _missing(name: str) -> OAuthError:
    return INVALID_REQUEST(f"Query parameter '{name}' is not defined but should have been.")
