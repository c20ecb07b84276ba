"""``python -m portal`` is the same as ``portal``."""

import sys

try:
    from portal.cli import main
except ModuleNotFoundError as exc:
    if (exc.name or "portal").startswith("portal"):
        raise
    sys.exit(
        f"portal: The portal's packages are missing ({exc.name}): `make install` puts them into "
        ".venv, and .venv/bin/portal runs it; or `pip install .` into the Python that you use."
    )

main(prog_name="portal")
