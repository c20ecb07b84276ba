"""Whether the portal itself is where Ory sends people."""

from portal.cli.doctor.examination import Examination
from portal.cli.doctor.finding import Verdict, failed, ok, warning
from portal.cli.doctor.probe import Answer, CertificateProblemError, ProbeError, place
from portal.logs import one_line


async def portal_answers(exam: Examination) -> Verdict:
    """It need not run for the other checks, so nobody there is a warning."""
    url = exam.expected("/health/ready")
    try:
        answer = await exam.browser_probe().get(url)
    except CertificateProblemError as exc:
        return failed(str(exc), "Give the server in front of the portal a certificate for its name")
    except ProbeError as exc:
        return warning(str(exc), "Start it with: portal serve; or check BASE_URL")
    if answer.location is not None:
        return failed(
            f"{place(url)} sends us to {place(answer.location)}",
            f"Set BASE_URL to {place(answer.location).removesuffix('/health/ready')}",
        )
    return _judged(exam, answer)


def _judged(exam: Examination, answer: Answer) -> Verdict:
    """Hydra's own health answer looks alike, but does not speak of Ory."""
    document = answer.document
    if not isinstance(document, dict) or "ory" not in document:
        who = "Ory" if document == {"status": "ok"} else f"something else ({answer.status})"
        return failed(
            f"what answers at {exam.base_url} is not this portal but {who}",
            "Set BASE_URL to where browsers reach the portal, or start it there: portal serve",
        )
    if answer.status != 200:
        errors = document.get("errors")
        words = "; ".join(map(str, errors.values())) if isinstance(errors, dict) else "not ready"
        return failed(f"the portal answers {answer.status}: {one_line(words, 300)}", "See its log")
    if document["ory"] != "ok":
        return warning(
            f"the portal answers, but says of Ory: {one_line(str(document['ory']), 80)}",
            "Check HYDRA_ADMIN_URL and ORY_API_KEY where the portal runs",
        )
    return ok(f"this portal answers at {exam.base_url} and reaches Ory")
