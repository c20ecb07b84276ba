"""Mails: what they say, and how a mail server is given them."""

from portal.mail.letters import Letter, compose
from portal.mail.smtp import MailServer, SmtpError, server_of

__all__ = ["Letter", "MailServer", "SmtpError", "compose", "server_of"]
