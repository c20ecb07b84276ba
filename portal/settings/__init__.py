"""Everything that can be configured: read once, checked at once, frozen afterwards.

No other module reads a setting from the environment.
"""

from portal.settings.environment import read_environment, unknown_variables
from portal.settings.fields import OPTIONS, Settings
from portal.settings.option import Option, Pepper, Secret, SettingsError

__all__ = [
    "OPTIONS",
    "Option",
    "Pepper",
    "Secret",
    "Settings",
    "SettingsError",
    "read_environment",
    "unknown_variables",
]
