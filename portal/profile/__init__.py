"""``/account/profile``: what is kept about somebody, and what of it they may change."""
