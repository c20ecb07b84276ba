"""Where to click: a page for people, or a line of JSON for scripts."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from portal.cli.demoing.ory import Ory
from portal.cli.demoing.people import Account
from portal.dev.relying_party import RelyingPartyConfig
from portal.settings import Settings

PAGE = """
  Everything runs. Try it:

    1. open        {client}
       and click   Authorize application
    2. sign in as  {user.email}
       password    {user.password}
    3. tick at least one permission, then Allow

  The portal       {portal}
  your account     {portal}/account
       (has a sign-in of its own; sign out before you go on as the administrator)
  administration   {portal}/admin
       sign in as  {admin.email}
       password    {admin.password}

  Ory is {ory.about}
       public API  {ory.public_url}
       admin API   {ory.admin_url}
"""
DEVICE = """
  A device without a keyboard signs somebody in, too. In another terminal:
       {program} perform device-code -e {ory.public_url} \\
         --client-id {app.client_id} --client-secret {app.client_secret}
"""
OWN_ORY = """
  Ory has to send browsers here; if it does not yet, this says how, and proves it:
       export {exports}
       {program} ory-config
       {program} doctor
  The app {app.client_id} is registered there until the demo ends.
"""
END = """
  Ctrl-C ends it all{after}. The live log of the portal follows;
  mails, such as those for a forgotten password, are printed there.
"""


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything that somebody needs to know to use the demo."""

    portal: str
    ory: Ory
    app: RelyingPartyConfig
    user: Account
    admin: Account
    device: bool
    settings: Settings
    kept_in: Path | None

    @property
    def client(self) -> str:
        return self.app.origin

    def json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "portal": self.portal,
                "client": self.client,
                "hydra_public": self.ory.public_url,
                "hydra_admin": self.ory.admin_url,
                "email": self.user.email,
                "password": self.user.password,
                "admin_email": self.admin.email,
                "admin_password": self.admin.password,
            }
        )

    def text(self) -> str:
        """One short page."""
        page = PAGE + (DEVICE if self.device else "") + ("" if self.ory.runs_here else OWN_ORY)
        kept = (
            f"; its files stay in {self.kept_in}"
            if self.kept_in
            else (" and leaves nothing behind")
        )
        return (page + END).format(
            portal=self.portal,
            client=self.client,
            ory=self.ory,
            app=self.app,
            user=self.user,
            admin=self.admin,
            program=program(),
            exports=self._exports(),
            after=kept,
        )

    def _exports(self) -> str:
        """What other commands need in order to look at this portal."""
        values = {
            "BASE_URL": self.portal,
            "HYDRA_ADMIN_URL": self.ory.admin_url,
            "HYDRA_PUBLIC_URL": self.ory.public_url,
            "DATABASE_URL": self.settings.database_url,
            "PORTAL_DATA_DIR": str(self.settings.data_dir),
        }
        return " \\\n         ".join(f"{name}={quote(value)}" for name, value in values.items())


def program() -> str:
    """How this program can be called from another terminal, whose PATH may lack it."""
    script = Path(sys.executable).with_name("portal")
    if not script.exists():
        return f"{sys.executable} -m portal"
    here = Path.cwd()
    return str(script.relative_to(here) if script.is_relative_to(here) else script)
