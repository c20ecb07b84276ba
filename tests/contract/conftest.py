"""Each test of the contract runs once per target whose profile it holds for; none is skipped."""

import contextlib
import secrets
from collections.abc import Iterator

import httpx
import pytest

from tests.contract.driver import App, Browser, NewApp, NewBrowser, Ory, open_http
from tests.contract.targets import LONG_TTL, PROFILES, SHORT_TTL, Start, Target, targets


def pytest_configure(config: pytest.Config) -> None:
    line = "case(*numbers, profiles): of the contract with Ory (tests/contract/cases.py)"
    config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("case")
    profiles = mark.kwargs["profiles"] if mark else PROFILES
    chosen = [
        pytest.param(target, id=target.name, marks=target.marks)
        for target in targets()
        if target.profile in profiles
    ]
    metafunc.parametrize("target", chosen, indirect=True, scope="session")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    chosen: Target = request.param
    return chosen


@pytest.fixture(scope="session")
def ory_http() -> Iterator[httpx.Client]:
    """For calls that are no browser's."""
    with open_http() as http:
        yield http


@pytest.fixture(scope="session")
def start(ory_http: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start each server when it is first asked for; all end together."""
    directory = tmp_path_factory.mktemp("contract")
    started: dict[tuple[Target, int], Ory] = {}
    with contextlib.ExitStack() as stack:

        def get(target: Target, ttl: int) -> Ory:
            if (target, ttl) not in started:
                running = target.running(ttl=ttl, directory=directory, http=ory_http)
                started[target, ttl] = stack.enter_context(running)
            return started[target, ttl]

        yield get


@pytest.fixture(scope="session")
def ory(start: Start, target: Target) -> Ory:
    return start(target, LONG_TTL)


@pytest.fixture(scope="session")
def short_lived(start: Start, target: Target) -> Ory:
    """A server whose challenges expire while one waits."""
    return start(target, SHORT_TTL)


@pytest.fixture
def new_app(ory: Ory) -> NewApp:
    """Register one more app; *fields* as in Ory's client document."""
    return ory.register


@pytest.fixture
def app(new_app: NewApp) -> App:
    """A confidential app that nobody has connected yet."""
    return new_app()


@pytest.fixture
def other_app(new_app: NewApp) -> App:
    """One more of them."""
    return new_app(client_name="Notes")


@pytest.fixture
def new_browser(ory: Ory) -> Iterator[NewBrowser]:
    """One more browser, without cookies."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(contextlib.closing(Browser(ory)))


@pytest.fixture
def browser(new_browser: NewBrowser) -> Browser:
    return new_browser()


@pytest.fixture
def ann() -> str:
    """A subject that no other test has."""
    return f"ann-{secrets.token_hex(6)}"


@pytest.fixture
def bob() -> str:
    """Somebody else."""
    return f"bob-{secrets.token_hex(6)}"
