"""Mails: what they say, and how a mail server is given them."""
