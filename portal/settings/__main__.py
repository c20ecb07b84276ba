"""``python -m portal.settings > docs/configuration.md``."""

import sys

from portal.settings.reference import markdown

sys.stdout.write(markdown())
