"""Getting in: by an invitation, or by oneself where everybody may."""
