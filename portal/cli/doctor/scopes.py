"""What Ory announces to apps, against what the portal has words and data for."""

from portal.claims import CONFORMANCE_CLAIMS, load_catalogs, released_by
from portal.cli.doctor.examination import Examination
from portal.cli.doctor.finding import Verdict, ok, warning
from portal.scopes import STANDARD, ScopeCatalog


async def scopes_and_claims(exam: Examination) -> Verdict:
    """A warning at most: people can sign in all the same."""
    exam.require_public_side()
    announced, claims = _texts(exam, "scopes_supported"), _texts(exam, "claims_supported")
    catalog = load_catalogs(exam.settings).scopes
    own = {name for name in catalog.names if name not in STANDARD}
    unheard = sorted(({"openid"} | own | catalog.releasing) - announced)
    untold = sorted(claims_of_portal(exam, catalog) - claims)
    wordless = sorted(name for name in announced if name not in catalog.names)
    remarks, todo = [], []
    if unheard:
        remarks.append(f"Ory does not announce the scopes {' '.join(unheard)}")
        todo.append(_webfinger("supported_scope", [*sorted(announced - {"openid"}), *unheard]))
    if untold:
        remarks.append(f"Ory does not announce the claims {' '.join(untold)}")
        todo.append(_webfinger("supported_claims", untold))
    if wordless:
        remarks.append(f"people see the bare name of {' '.join(wordless)}")
        todo.append("describe them in the file that PORTAL_SCOPE_CATALOG names")
    if remarks:
        return warning("; ".join(remarks), f"Sign-in works all the same; {'; '.join(todo)}")
    return ok(f"Ory announces {' '.join(sorted(announced))}, and the portal has words for all")


def _webfinger(name: str, values: list[str]) -> str:
    return f"set Ory's webfinger.oidc_discovery.{name} to [{', '.join(values)}]"


def _texts(exam: Examination, name: str) -> set[str]:
    found = (exam.discovery or {}).get(name)
    return {text for text in found if isinstance(text, str)} if isinstance(found, list) else set()


def claims_of_portal(exam: Examination, catalog: ScopeCatalog) -> set[str]:
    """Every claim that the portal can send, for somebody who has told everything."""
    made_up = CONFORMANCE_CLAIMS.values() if exam.settings.conformity_fake_claims else ()
    return {"sub", *released_by(catalog), *(name for claims in made_up for name in claims)}
