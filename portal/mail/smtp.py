"""Giving a mail to the mail server."""

import aiosmtplib

__all__ = ["aiosmtplib"]
