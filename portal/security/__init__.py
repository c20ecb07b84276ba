"""``/account/security``: how somebody signs in, where they are signed in, what happened."""
