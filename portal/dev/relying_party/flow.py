"""The flow itself, without any page: to Ory, back with a code, and what the tokens are good for."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from portal.dev.relying_party import idtoken
from portal.dev.relying_party.advice import advice
from portal.dev.relying_party.asked import Asked
from portal.dev.relying_party.authorization import authorization_url, with_query
from portal.dev.relying_party.browsers import Attempt, Browser, Browsers, Result
from portal.dev.relying_party.config import RelyingPartyConfig
from portal.dev.relying_party.http import ProviderError
from portal.dev.relying_party.idtoken import Check, Expected, failed, noted, passed
from portal.dev.relying_party.outcome import FAILED, FlowResult, outcome
from portal.dev.relying_party.provider import (
    Discovery,
    OAuthError,
    Provider,
    TokenAnswer,
)
from portal.dev.relying_party.words import one_line

PKCE: Final = passed(
    "PKCE",
    "Ory was sent a challenge (S256), and took the code together with its verifier, which no one "
    "else has.",
)
UNAVAILABLE: Final = "ory_unavailable"
log = logging.getLogger("portal.dev.relying_party")


class CallbackError(Exception):
    """What came to the callback is no answer to anything that this browser asked; it changes
    nothing. *result_id* is the page of an answer that came before.
    """

    def __init__(self, message: str, *, result_id: str | None = None) -> None:
        super().__init__(message)
        self.result_id = result_id


class RelyingParty:
    """The client: its attempts, its tokens, and Ory."""

    def __init__(
        self,
        config: RelyingPartyConfig,
        provider: Provider,
        *,
        on_result: Callable[[FlowResult], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self.provider = provider
        self.browsers = Browsers(clock=clock)
        self._on_result = on_result
        self._clock = clock

    async def begin(self, cookie: str, asked: Asked) -> str:
        """Start an attempt for the browser with *cookie*; the address at Ory to send it to."""
        found = await self.provider.discover()
        attempt = self.browsers.start(cookie, asked=asked, issuer=found.issuer)
        log.info("authorize: to Ory, asking for %s", " ".join(asked.scope) or "no scope")
        return authorization_url(self.config, found, attempt)

    async def finish(self, browser: Browser | None, answer: Mapping[str, str]) -> Result:
        """Take Ory's answer to an attempt of this browser, and redeem the code in it."""
        attempt, browser = self._attempt_of(browser, answer)
        result = Result(attempt=attempt, received_at=self._clock())
        self.browsers.keep(browser, result)
        async with result.lock:
            await self._judge(result, answer)
        self._tell(result)
        return result

    def _attempt_of(
        self, browser: Browser | None, answer: Mapping[str, str]
    ) -> tuple[Attempt, Browser]:
        state = answer.get("state")
        if not state:
            raise CallbackError("The answer has no state, so nobody can say what it answers.")
        if browser is None:
            raise CallbackError(
                "This browser has asked for nothing: it has no cookie of this client. The flow was "
                "begun in another browser, under another name (localhost is not 127.0.0.1), or by "
                "somebody else."
            )
        if state in browser.answered:
            raise CallbackError(
                "This answer was used already. A code is good for one time only.",
                result_id=browser.answered[state],
            )
        attempt = self.browsers.take(browser, state)
        if attempt is None:
            raise CallbackError(
                "The state is not one that this browser was given, or it is too old. Somebody may "
                "have sent you this link; nothing was done with it."
            )
        return attempt, browser

    async def _judge(self, result: Result, answer: Mapping[str, str]) -> None:
        try:
            found = await self.provider.discover()
            result.checks = _answer_checks(result.attempt, answer, found)
            if any(check.passed is False for check in result.checks):
                result.error = FAILED
                return
            code = _code_of(answer)
            log.info("callback: a code came back; redeeming it")
            await self._redeem(result, code, found)
        except OAuthError as exc:
            result.error, result.description = exc.error, exc.description
        except ProviderError as exc:
            result.error, result.description = UNAVAILABLE, str(exc)

    async def _redeem(self, result: Result, code: str, found: Discovery) -> None:
        attempt = result.attempt
        tokens = await self.provider.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.config.redirect_uri,
            code_verifier=attempt.verifier,
        )
        result.checks = (*result.checks, PKCE)
        await self.accept(result, tokens, self.expected(attempt, found, tokens))
        if not result.error:
            await self._introspect_opaque(result)

    def expected(
        self,
        attempt: Attempt,
        found: Discovery,
        tokens: TokenAnswer,
        *,
        nonce_required: bool = True,
    ) -> Expected:
        """Say what the ID token that came with *tokens* has to agree with."""
        return Expected(
            issuer=found.issuer,
            client_id=self.config.client_id,
            access_token=tokens.access_token,
            nonce=attempt.nonce,
            nonce_required=nonce_required,
            started_at=attempt.started_at,
            max_age=attempt.asked.max_age,
            fresh="login" in attempt.asked.prompt.split(),
            acr_values=attempt.asked.acr_values,
        )

    async def accept(
        self, result: Result, tokens: TokenAnswer, expected: Expected, *, needed: bool = True
    ) -> None:
        """Keep *tokens* if their ID token is right; one is *needed* where openid was granted."""
        asked = result.attempt.asked.scope
        granted = tuple(tokens.scope.split()) if tokens.scope is not None else asked
        checks = [*result.checks, *_scope_checks(asked, granted)]
        if tokens.id_token is not None:
            verified = await idtoken.verify(
                tokens.id_token, expected, keys=self.provider.keys, now=self._clock()
            )
            checks += verified.checks
            result.id_token = verified.decoded
        elif needed and "openid" in granted:
            words = "openid was granted, but no ID token came."
            checks.append(failed("id_token", words))
        result.checks = tuple(checks)
        result.granted, result.received_at = granted, self._clock()
        if any(check.passed is False for check in checks):
            result.error, result.tokens = FAILED, None
        else:
            result.tokens, result.revoked = tokens, False
            await self._read_access_token(result, tokens, expected)

    async def _read_access_token(
        self, result: Result, tokens: TokenAnswer, expected: Expected
    ) -> None:
        """An access token is for an API. What is found here is shown, and decides nothing."""
        decoded = result.access_token = idtoken.decode(tokens.access_token)
        if decoded is None:
            return
        signature = await idtoken.check_signature(
            tokens.access_token, decoded.header, keys=self.provider.keys
        )
        issued = decoded.claims.get("iss") == expected.issuer
        words = f"Issued by {expected.issuer}." if issued else "Issued by somebody else."
        result.access_checks = (signature, (passed if issued else failed)("iss", words))

    async def _introspect_opaque(self, result: Result) -> None:
        """Opaque tokens say nothing by themselves: ask Ory where its admin API can be reached."""
        tokens = result.tokens
        if tokens is None or not self.config.admin_url or idtoken.decode(tokens.access_token):
            return
        try:
            await self._introspect(result)
        except ProviderError as exc:
            log.info("introspection: %s", exc)

    async def introspect(self, result: Result) -> None:
        """Ask the admin API about both tokens, and say what came of it."""
        answers = await self._introspect(result)
        told = [
            f"the {title.partition(',')[0].lower()} is {'' if answer['active'] is True else 'not '}"
            "active"
            for title, answer in answers.items()
        ]
        result.notice = f"Introspected: {'; '.join(told)}."

    async def _introspect(self, result: Result) -> dict[str, idtoken.Claims]:
        if result.tokens is None:
            return {}
        names = {"Access token, introspected": result.tokens.access_token}
        if result.tokens.refresh_token:
            names["Refresh token, introspected"] = result.tokens.refresh_token
        answers = await asyncio.gather(*map(self.provider.introspect, names.values()))
        found = dict(zip(names, answers, strict=True))
        result.said |= found
        return found

    async def refresh(self, result: Result) -> None:
        """Get new tokens; they have to be about the same person."""
        old = result.tokens
        if old is None or not old.refresh_token:
            raise ProviderError("there is no refresh token: ask for the scope offline.")
        found = await self.provider.discover()
        tokens = await self.provider.token(
            grant_type="refresh_token", refresh_token=old.refresh_token
        )
        first = result.id_token.claims.get("sub") if result.id_token else None
        expected = Expected(
            issuer=found.issuer,
            client_id=self.config.client_id,
            access_token=tokens.access_token,
            nonce=result.attempt.nonce,
            nonce_required=False,
            subject=first,
        )
        result.checks, result.said = (), {}
        complete = TokenAnswer(
            access_token=tokens.access_token,
            token_type=tokens.token_type,
            expires_in=tokens.expires_in,
            refresh_token=tokens.refresh_token or old.refresh_token,
            id_token=tokens.id_token,
            scope=tokens.scope if tokens.scope is not None else " ".join(result.granted),
        )
        await self.accept(result, complete, expected, needed=False)
        if not result.error:
            result.notice = "Refreshed: these are new tokens."
            await self._introspect_opaque(result)

    async def userinfo(self, result: Result) -> None:
        """Ask who the access token is for; it has to be who the ID token is about."""
        if result.tokens is None:
            return
        answer = await self.provider.userinfo(result.tokens.access_token)
        if isinstance(answer, str):
            answer = await self._signed_userinfo(answer)
        subject = result.id_token.claims.get("sub") if result.id_token else None
        if not isinstance(answer.get("sub"), str) or (subject and answer["sub"] != subject):
            raise ProviderError(
                "UserInfo is about somebody else than the ID token (sub): do not use it."
            )
        result.said["UserInfo"] = answer
        same = "; its subject is that of the ID token" if subject else ""
        result.notice = f"UserInfo answered{same}."

    async def _signed_userinfo(self, token: str) -> idtoken.Claims:
        decoded = idtoken.decode(token)
        found = await self.provider.discover()
        if decoded is None:
            raise ProviderError("UserInfo answers with a token that cannot be read.")
        check = await idtoken.check_signature(token, decoded.header, keys=self.provider.keys)
        if not check.passed:
            raise ProviderError(f"UserInfo answers with a token that proves nothing. {check.words}")
        audience = decoded.claims.get("aud")
        meant = audience if isinstance(audience, list) else [audience]
        if decoded.claims.get("iss") != found.issuer or self.config.client_id not in meant:
            raise ProviderError("UserInfo answers with a token that is not for this client.")
        return decoded.claims

    async def revoke(self, result: Result) -> None:
        """End the tokens at Ory: with the refresh token all that came from it."""
        if result.tokens is None:
            return
        await self.provider.revoke(result.tokens.refresh_token or result.tokens.access_token)
        result.said, result.revoked = {}, True
        result.notice = "Revoked: the tokens below are worth nothing any more."
        log.info("revoke: the tokens have ended")
        if self.config.admin_url:
            await self._introspect(result)

    async def logout_url(self, result: Result) -> str:
        """The address at Ory that ends its login session; it comes back here if that is allowed."""
        found = await self.provider.discover()
        if found.end_session_endpoint is None:
            raise ProviderError("this Ory has no logout.")
        query = {}
        if result.tokens is not None and result.tokens.id_token:
            query["id_token_hint"] = result.tokens.id_token
            registered = await self.provider.registered() or {}
            if self.config.after_logout in (registered.get("post_logout_redirect_uris") or []):
                query["post_logout_redirect_uri"] = self.config.after_logout
        log.info("logout: to Ory")
        return with_query(found.end_session_endpoint, query)

    def _tell(self, result: Result) -> None:
        told = outcome(result)
        todo = advice(result.error, result.description, self.config)
        words = f"{told.summary.rstrip('.')}. {todo}" if todo else told.summary
        log.info("%s: %s", "done" if told.ok else "failed", words)
        if self._on_result is not None:
            self._on_result(told)


def _code_of(answer: Mapping[str, str]) -> str:
    if answer.get("error"):
        raise OAuthError(answer["error"], answer.get("error_description", ""))
    if not answer.get("code"):
        raise OAuthError("invalid_response", "The answer holds neither a code nor an error.")
    return answer["code"]


def _answer_checks(
    attempt: Attempt, answer: Mapping[str, str], found: Discovery
) -> tuple[Check, ...]:
    """Who answered (RFC 9207), and that it is an answer to this browser's own question."""
    words = "This answer belongs to a request that this browser made, and was used once (state)."
    return (passed("state", words), *_issuer_checks(attempt, answer.get("iss"), found))


def _issuer_checks(attempt: Attempt, issuer: str | None, found: Discovery) -> Iterator[Check]:
    if issuer is None and found.authorization_response_iss_parameter_supported:
        yield failed("iss", "Ory promises to say who answers (iss), but the answer does not.")
    elif issuer == attempt.issuer:
        yield passed("iss", "The issuer that was asked has answered.")
    elif issuer is not None:
        words = f"Asked was {attempt.issuer}, but “{one_line(issuer, 120)}” answered: "
        yield failed("iss", words + "the code is for somebody else.")


def _scope_checks(asked: tuple[str, ...], granted: tuple[str, ...]) -> list[Check]:
    extra = sorted(set(granted) - set(asked))
    if extra:
        words = f"Granted, although nobody asked: {one_line(' '.join(extra), 200)}."
        return [noted("scope", words)]
    if missing := [name for name in asked if name not in granted]:
        words = f"Not everything was granted; missing: {one_line(' '.join(missing), 200)}."
        return [noted("scope", words)]
    return [passed("scope", "Everything that was asked for was granted.")]
