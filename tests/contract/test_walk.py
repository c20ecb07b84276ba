"""The stand-in and real Hydra side by side on random walks: nobody must tell them apart.

What differs is a bug of the stand-in. ``CONTRACT_WALKS`` is how many walks are made (default 4).
"""

import contextlib
import itertools
import os
import random
import time

import pytest

from tests.contract.driver import Browser, Ory
from tests.contract.targets import LONG_TTL, Start, Target, profile_of_binary
from tests.contract.walk import Walk, steps

pytestmark = pytest.mark.hydra

STEPS = 50
SEEDS = range(int(os.environ.get("CONTRACT_WALKS", "4")))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stand_in_walks_as_hydra_does(start: Start, seed: int) -> None:
    profile = profile_of_binary()
    servers = [start(Target(name, profile), LONG_TTL) for name in (f"standin-{profile}", "hydra")]
    taken = []
    with contextlib.ExitStack() as stack:

        def new_browser(ory: Ory) -> Browser:
            return stack.enter_context(contextlib.closing(Browser(ory)))

        standin, hydra = (Walk(ory, f"{seed}", new_browser) for ory in servers)
        rng = random.Random(seed)  # noqa: S311 - no secret: the same walk each time
        for step in itertools.islice(steps(rng), STEPS):
            taken.append(step.action)
            codes = len(hydra.codes)
            assert standin.take(step) == hydra.take(step), (taken, step)
            assert standin.memory() == hydra.memory(), (taken, step)
            if len(hydra.codes) > codes:
                time.sleep(1.05)  # which of two consents of one second is the newer, nobody knows
