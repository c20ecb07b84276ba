"""How a person's account is protected: password, sessions, what happened lately, its end."""
