"""Mails to send: kept until the mail server has taken them."""
