"""``portal users invite``: somebody makes their account themselves."""

from datetime import UTC, datetime, timedelta

import rich_click as click

from portal.accounts.invitations import Invitation
from portal.accounts.invitations import invite as invite_somebody
from portal.cli.common import (
    ACTOR,
    explained,
    format_option,
    load_settings,
    open_office,
    print_document,
    require_head,
    run,
)


@click.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="May use the admin pages.")
@click.option(
    "--name", metavar="NAME", help="How they are called; they can change it when they accept."
)
@format_option
def invite(*, email: str, admin: bool, name: str | None, output: str) -> None:
    """Invite somebody: they get a link, and choose their password themselves.

    The running portal mails the link; where there is no mail server it is printed, to be handed
    over by hand. An earlier invitation to the address is void. For example:

    $ portal users invite ann@example.org --name "Ann Example"

    $ portal users invite root@example.org --admin --format json | jq -r .link
    """
    with explained():
        settings = load_settings()
        require_head(settings)
    now = datetime.now(UTC)

    async def work() -> Invitation:
        async with open_office(settings) as office:
            return await invite_somebody(
                office, email=email, name=name, admin=admin, actor=ACTOR, now=now
            )

    made = run(work)
    by_hand = settings.smtp_url is None
    until = now + timedelta(seconds=settings.invitation_link_for)
    if output != "table":
        document = {
            "email": made.email,
            "mailed": not by_hand,
            "link": made.link if by_hand else None,
            "expires_at": until.isoformat(timespec="seconds"),
        }
        print_document(document, output)
        return
    ends = f"{until:%d %b %Y, %H:%M} UTC"
    if by_hand:
        click.echo(f"Give this link to {made.email}. It works once, until {ends}:", err=True)
        click.echo(made.link)
    else:
        click.echo(f"{made.email} is invited by mail. The link works until {ends}.")
