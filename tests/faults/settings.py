"""The product's settings, and three things that only fault tests have: job kinds, addresses and a fail point."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.apps.FaultsConfig"]
MIDDLEWARE = ["tests.faults.doors.die_on_request", *MIDDLEWARE]
ROOT_URLCONF = "tests.faults.doors"
