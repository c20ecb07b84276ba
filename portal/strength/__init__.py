"""How easily a new password is guessed, told while it is typed."""
