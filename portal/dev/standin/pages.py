"""What the stand-in shows in a browser. Every page says what it is."""

import json
from html import escape
from typing import Final

NOTICE: Final = (
    "This is a stand-in for Ory, for development only. It keeps nothing, protects nobody, and must "
    "not be reachable from another machine."
)
_FRAME: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="robots" content="noindex">
<title>{title}</title>
{head}</head>
<body{attributes}>
<p id="development-notice" style="background:#fff3bf;padding:.5em">{notice}</p>
{body}
</body>
</html>
"""
_LEAVING: Final = """<script>
const target = {target};
let left = {count};
function leave() {{ window.location.replace(target); }}
function done() {{ left -= 1; if (left < 1) setTimeout(leave, 500); }}
setTimeout(leave, 7000);
</script>
"""


def _page(*, title: str, body: str, head: str = "", attributes: str = "") -> str:
    return _FRAME.format(
        title=escape(title), head=head, attributes=attributes, notice=escape(NOTICE), body=body
    )


def home(*, issuer: str, profile: str) -> str:
    """The fallback page at ``/``; Hydra has none."""
    link = f"{issuer}/.well-known/openid-configuration"
    body = (
        f"<h1>Stand-in for Ory Hydra, profile {escape(profile)}</h1>\n"
        f'<p>What it offers: <a href="{escape(link)}">{escape(link)}</a></p>'
    )
    return _page(title="Stand-in for Ory", body=body)


def unknown_route() -> str:
    """Hydra's admin API has a page for it, and so have we."""
    body = (
        "<h1>Error 404</h1>\n<p>The requested route does not exist. Make sure you are using the "
        "right path, domain, and port.</p>"
    )
    return _page(title="404 - Route not found", body=body)


def form_post(*, target: str, parameters: dict[str, str]) -> str:
    """Brings an answer to the app by a form that sends itself (response_mode=form_post)."""
    fields = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}"/>'
        for name, value in sorted(parameters.items())
    )
    body = (
        f'<form method="post" action="{escape(target)}">\n{fields}\n'
        "<noscript><button>Continue</button></noscript>\n</form>"
    )
    submit = ' onload="document.forms[0].submit()"'
    return _page(title="Submit This Form", body=body, attributes=submit)


def front_channel(*, target: str, frames: list[str]) -> str:
    """Signs out of every app that wants to hear of it in a frame, then goes on to *target*."""
    iframes = "\n".join(
        f'<iframe src="{escape(frame)}" onload="done(this)" hidden></iframe>' for frame in frames
    )
    refresh = f'<meta http-equiv="refresh" content="7; URL={escape(target)}">\n'
    script = _LEAVING.format(target=_in_script(target), count=len(frames))
    body = f'<p>You are being signed out. <a href="{escape(target)}">Continue</a></p>\n{iframes}'
    return _page(title="Signing out", body=body, head=refresh + script)


def _in_script(text: str) -> str:
    return json.dumps(text).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
