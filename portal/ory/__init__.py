"""What Ory speaks: its documents, its errors, and one method for each endpoint used.

Everything above asks Ory through :class:`portal.ory.admin.OryAdmin`, which is made by
:func:`portal.ory.connect.open_client`.
"""
