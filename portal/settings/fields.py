"""The settings themselves: field, default, variable and documentation stand together.

``docs/configuration.md`` is written from here (``python -m portal.settings``).
"""

from collections.abc import Collection, Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_type_hints
from urllib.parse import urlsplit

import msgspec

from portal.settings import brand, reading
from portal.settings.brand import Font, FooterLink, HelpContact, Logo
from portal.settings.keyfile import generated_key
from portal.settings.option import Option, Pepper, Secret, SettingsError, find, read_all

ARGON2_MINIMUM: Final = ((1, 47_104), (2, 19_456), (3, 12_288), (4, 9_216), (5, 7_168))
"""Passes and KiB that OWASP's password storage cheat sheet calls the least that is acceptable."""
NETWORK_RATE: Final = 4
"""Calls per second by background work: Ory Network's smallest plan bears 10 for a moment and 300 a
minute, and people need some of them."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MAKE_A_KEY: Final = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this portal runs. Durations are whole seconds unless said otherwise."""

    hydra_admin_url: Annotated[
        str | None,
        Option(
            reading.admin_url,
            "Admin base of Hydra, or the SDK URL of an Ory Network project; a trailing "
            "`/admin` does "
            "no harm.",
            names=("HYDRA_ADMIN_URL", "ORY_SDK_URL"),
            default="required by `serve`",
            example="http://127.0.0.1:4445",
            section="Ory",
        ),
    ] = None
    hydra_public_url: Annotated[
        str | None,
        Option(
            reading.web_url,
            "Public base (issuer) of Hydra. At Ory Network without a domain of your own: the "
            "SDK URL.",
            names=("HYDRA_PUBLIC_URL",),
            default="the origin that Ory's answers name",
            example="http://127.0.0.1:4444",
        ),
    ] = None
    ory_api_key: Annotated[
        Secret | None,
        Option(
            reading.bearer,
            "Bearer token for the admin API; Ory Network needs one. A file is read again when "
            "it changes.",
            names=("ORY_API_KEY", "ORY_PAT"),
            secret=True,
        ),
    ] = None
    ory_api_key_file: Path | None = None
    """Where ``ory_api_key`` was read from, for those who read it again."""
    ory_ca_file: Annotated[
        Path | None,
        Option(
            reading.existing_file,
            "Certificates (PEM) to trust when calling Ory.",
            default="the system's",
        ),
    ] = None
    ory_timeout: Annotated[
        float,
        Option(
            reading.fraction, "Seconds that one question to Ory may take, repetitions included."
        ),
    ] = 3.0
    mock_tls_termination: Annotated[
        bool,
        Option(
            reading.flag,
            "Send `X-Forwarded-Proto: https` to Hydra's admin port, for a Hydra that insists "
            "on TLS.",
            names=("MOCK_TLS_TERMINATION",),
        ),
    ] = False
    base_url: Annotated[
        str,
        Option(
            reading.web_url,
            "Where browsers reach the portal. Decides cookie flags, links and which origin may "
            "post "
            "forms; a path in it is the prefix of every page. On localhost, 127.0.0.1 or [::1] the "
            "portal runs in development mode, anywhere else in production.",
            names=("BASE_URL",),
            default="`http://localhost:PORT`",
            section="Where the portal is",
        ),
    ]
    host: Annotated[str, Option(reading.listen_host, "Address to listen on.", names=("HOST",))] = (
        "127.0.0.1"
    )
    port: Annotated[
        int, Option(reading.whole(0, 65_535), "Port to listen on.", names=("PORT",))
    ] = 3000
    allowed_hosts: Annotated[
        tuple[str, ...],
        Option(
            reading.words,
            "Further values of the Host header to answer, besides that of `BASE_URL`; comma "
            "separated.",
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        Option(
            reading.networks,
            "Addresses or networks of the proxies whose `X-Forwarded-For` is believed; comma "
            "separated.",
        ),
    ] = ()
    database_url: Annotated[
        str,
        Option(
            reading.database_url,
            "SQLite or PostgreSQL. Ory's spelling (`postgres://…?sslmode=…&max_conns=…`) is "
            "understood.",
            names=("DATABASE_URL", "DSN"),
            secret=True,
            section="Storage and secrets",
        ),
    ] = "sqlite:///portal.db"
    db_pool_size: Annotated[
        int, Option(reading.whole(1, 500), "Connections to PostgreSQL per process.")
    ] = 10
    data_dir: Annotated[
        Path,
        Option(Path, "Where the development key is kept.", default="the working directory"),
    ] = Path()
    secret_keys: Annotated[
        tuple[Secret, ...],
        Option(
            reading.secret_keys,
            "Signs cookies and form tokens; each key at least 32 characters. A comma separated "
            "list "
            "rotates: the first one signs, all of them verify. Every process needs the same.",
            names=("SECRET_KEY",),
            default="production: required; development: made once, kept in `PORTAL_DATA_DIR`",
            secret=True,
        ),
    ]
    remember_login_for: Annotated[
        int,
        Option(
            reading.positive_seconds,
            'How long "Stay signed in" lasts.',
            section="Signing in and allowing",
        ),
    ] = 30 * 86_400
    remember_consent_for: Annotated[
        int,
        Option(
            reading.seconds,
            "The longest that a decision is remembered, whatever a person chooses; `0`: until it "
            "is revoked.",
        ),
    ] = 0
    consent_durations: Annotated[
        tuple[int, ...],
        Option(
            reading.durations,
            'How long a person can let a decision hold, beside "this time only": durations, or '
            "`always`, which is until it is revoked.",
            default="`30d,always`",
        ),
    ] = (30 * 86_400, 0)
    undo_for: Annotated[
        int,
        Option(
            reading.seconds,
            "How long a person can undo that they removed an app's access; it is carried out at "
            "Ory after that. `0`: at once.",
        ),
    ] = 8
    challenge_ttl: Annotated[
        int,
        Option(
            reading.positive_seconds,
            "How long Hydra keeps a login or consent request (its `ttl.login_consent_request`).",
        ),
    ] = 1_800
    allow_empty_grant: Annotated[
        bool,
        Option(reading.flag, "Whether a person may allow an app without ticking any permission."),
    ] = False
    device_code_uppercase: Annotated[
        bool,
        Option(
            reading.flag,
            "Whether codes of devices are read as capital letters, for a Hydra whose user codes "
            "have no others (its preset `medium`). Its default has both.",
        ),
    ] = False
    honour_skip_consent: Annotated[
        bool,
        Option(
            reading.flag,
            "Whether apps that the operator marked with `skip_consent` are allowed without asking.",
        ),
    ] = True
    conformity_fake_claims: Annotated[
        bool,
        Option(
            reading.flag,
            "Made-up claims for the OpenID Connect conformance suite. Never for real people.",
            names=("CONFORMITY_FAKE_CLAIMS",),
        ),
    ] = False
    scope_catalog: Annotated[
        Path | None,
        Option(
            reading.existing_file,
            "A TOML file that says in your words what each permission means.",
            default="the built-in one",
        ),
    ] = None
    template_dir: Annotated[
        Path | None,
        Option(
            reading.existing_directory,
            "A directory of templates that replace the built-in ones of the same name.",
        ),
    ] = None
    session_idle: Annotated[
        int,
        Option(
            reading.positive_seconds,
            "Unused for this long, a person's session at the portal itself ends.",
            section="The portal's own sessions",
        ),
    ] = 1_800
    session_lifetime: Annotated[
        int, Option(reading.positive_seconds, "The longest that such a session lasts.")
    ] = 43_200
    admin_idle: Annotated[
        int, Option(reading.positive_seconds, "As `PORTAL_SESSION_IDLE`, for administrators.")
    ] = 600
    admin_lifetime: Annotated[
        int, Option(reading.positive_seconds, "As `PORTAL_SESSION_LIFETIME`, for administrators.")
    ] = 14_400
    recent_sign_in: Annotated[
        int,
        Option(
            reading.positive_seconds,
            "Who signed in longer ago than this has to do it again before a sensitive act: "
            "changing a password or a second factor, deleting an account, revoking many grants, "
            "changing another person's account.",
            names=("PORTAL_RECENT_SIGN_IN", "PORTAL_ADMIN_RECENT"),
        ),
    ] = 600
    password_min_length: Annotated[
        int,
        Option(
            reading.whole(8, 128),
            "The fewest characters of a new password. Where a second factor is required of "
            "somebody, 8 are enough.",
            section="Passwords",
        ),
    ] = 15
    password_peppers: Annotated[
        tuple[Pepper, ...],
        Option(
            reading.peppers,
            "A secret that is mixed into every password before it is hashed, so that hashes alone "
            "are worth nothing: `name:key`, the key at least 32 characters. A comma separated list "
            "rotates: new hashes are made with the first one, and a hash needs the one that it was "
            "made with.",
            names=("PORTAL_PASSWORD_PEPPER",),
            default="none",
            secret=True,
        ),
    ] = ()
    argon2_time_cost: Annotated[
        int,
        Option(
            reading.whole(1, 100),
            "Passes of argon2id. Less than OWASP's minimum for the memory used is refused.",
        ),
    ] = 2
    argon2_memory_cost: Annotated[
        int, Option(reading.whole(8, 4_194_304), "Memory of one argon2id hash, in KiB.")
    ] = 19_456
    argon2_parallelism: Annotated[int, Option(reading.whole(1, 64), "Lanes of argon2id.")] = 1
    hash_workers: Annotated[
        int,
        Option(
            reading.whole(0, 256),
            "Passwords hashed at the same time, per process; `0`: one per core but one, which is "
            "left to everything else.",
        ),
    ] = 0
    hash_queue: Annotated[
        int,
        Option(
            reading.whole(1, 10_000),
            "Passwords that may wait for each of them; further ones are answered with 503.",
        ),
    ] = 32
    second_factor_for: Annotated[
        str,
        Option(
            reading.one_of("nobody", "admins", "everyone"),
            "Who cannot sign in without a second factor: `nobody`, `admins` or `everyone`. Who has "
            "none sets one up while signing in. An app can require it too, by its policy or by "
            "`acr_values=aal2`; who has one is always asked for it.",
            section="Accounts",
        ),
    ] = "nobody"
    registration: Annotated[
        bool,
        Option(
            reading.flag,
            "Whether everybody may register, by an address that receives mail. Invitations by an "
            "administrator need no setting.",
        ),
    ] = False
    reset_link_for: Annotated[
        int,
        Option(
            reading.positive_seconds,
            "How long a link to a new password is good for.",
            default="`30m`",
        ),
    ] = 1_800
    verification_link_for: Annotated[
        int,
        Option(
            reading.positive_seconds,
            "How long a link that confirms an e-mail address is good for, also when registering.",
            default="`1d`",
        ),
    ] = 86_400
    invitation_link_for: Annotated[
        int,
        Option(reading.positive_seconds, "How long an invitation is good for.", default="`7d`"),
    ] = 7 * 86_400
    attributes_file: Annotated[
        Path | None,
        Option(
            reading.existing_file,
            "A TOML file that defines what else is kept about people, for apps to receive: a table "
            "for each attribute.",
            names=("PORTAL_ATTRIBUTES",),
            default="nothing else",
        ),
    ] = None
    site_name: Annotated[
        str,
        Option(
            reading.short_name,
            "What people call this place: on pages, in mails, and in the apps that make one-time "
            "codes.",
            default="the host of `BASE_URL`, which is not shown on pages",
            section="Brand",
        ),
    ] = ""
    logo: Annotated[
        Logo | None,
        Option(
            brand.logo,
            "Your logo, at the top of every page: a file with an SVG, PNG or WebP picture of at "
            "most 100 KiB. An SVG that holds scripts, or refers to something outside of it, is "
            "refused.",
            names=("PORTAL_LOGO_FILE",),
        ),
    ] = None
    logo_dark: Annotated[
        Logo | None,
        Option(
            brand.logo,
            "The logo for people who like dark pages.",
            names=("PORTAL_LOGO_DARK_FILE",),
            default="`PORTAL_LOGO_FILE`",
        ),
    ] = None
    colours: Annotated[
        dict[str, str],
        Option(
            brand.colours,
            "Colours of light pages: `accent=#0a7d4f, page=#f6f4ef`. Those around an accent follow "
            "from it, and so does the accent of dark pages. [Theming](theming.md) lists all names.",
            default="ours",
        ),
    ] = {}
    colours_dark: Annotated[
        dict[str, str],
        Option(brand.colours, "The same for dark pages.", default="ours"),
    ] = {}
    font: Annotated[
        Font | None,
        Option(
            brand.font,
            "Your font: a WOFF2 file of at most 200 KiB. A variable one is used in every weight.",
            names=("PORTAL_FONT_FILE",),
            default="the system's",
        ),
    ] = None
    corners: Annotated[
        int | None,
        Option(
            reading.whole(0, 24),
            "How round the corners of boxes, fields and buttons are, in pixels.",
            default="ours",
        ),
    ] = None
    footer_links: Annotated[
        tuple[FooterLink, ...],
        Option(
            brand.footer_links,
            "At the foot of every page: `Privacy=https://example.org/privacy, "
            "Imprint=https://example.org/imprint`; https alone.",
        ),
    ] = ()
    help_contact: Annotated[
        HelpContact | None,
        Option(
            brand.help_contact,
            "Who helps people: an https address, a mail address or a phone number. Shown at the "
            "foot of every page, and where something went wrong.",
            names=("PORTAL_HELP",),
        ),
    ] = None
    smtp_url: Annotated[
        Secret | None,
        Option(
            reading.smtp_url,
            "The mail server: `smtp://user:password@host:587` (STARTTLS where it is offered; "
            "required with a password), `smtps://…` for TLS from the start. Without it, mails are "
            "printed to the log in development; in production there are none, and nothing that "
            "needs them is offered.",
            names=("PORTAL_SMTP_URL", "SMTP_URL"),
            default="none",
            secret=True,
            example="smtp://mail.example.org:587",
            section="Mail",
        ),
    ] = None
    mail_from: Annotated[
        str,
        Option(
            reading.mailbox,
            "The sender of mails, with a name or without.",
            default="`no-reply@` and the host of `BASE_URL`",
            example="Example Bank <no-reply@example.org>",
        ),
    ] = ""
    log_format: Annotated[
        str,
        Option(
            reading.one_of("console", "json"),
            "`console` for people, `json` for machines.",
            default="`console` in development, `json` in production",
            section="Operations",
        ),
    ]
    log_level: Annotated[
        str,
        Option(
            reading.one_of("debug", "info", "warning", "error"),
            "The least important thing to log: `debug`, `info`, `warning` or `error`.",
            names=("PORTAL_LOG_LEVEL", "LOG_LEVEL"),
        ),
    ] = "info"
    metrics_token: Annotated[
        Secret | None,
        Option(
            reading.token,
            "Bearer token that opens `/metrics/prometheus`; at least 16 characters.",
            default="nobody may read them",
            secret=True,
        ),
    ] = None
    metrics_port: Annotated[
        int | None,
        Option(
            reading.whole(1, 65_535), "Serve the metrics on a port of their own, without a token."
        ),
    ] = None
    metrics_host: Annotated[
        str, Option(reading.listen_host, "Address for `PORTAL_METRICS_PORT`.")
    ] = "127.0.0.1"
    reconcile_every: Annotated[
        int,
        Option(
            reading.seconds,
            "How often all grants are compared with what Ory lists; `0`: only on demand.",
            default="`1d`",
        ),
    ] = 86_400
    ory_background_rate: Annotated[
        int | None,
        Option(
            reading.whole(0, 10_000),
            "The most calls per second that background work makes to Ory, per process; `0`: no "
            "limit.",
            default="no limit; `4` with an API key, for Ory Network's rate limits",
        ),
    ] = None
    keep_audit: Annotated[
        int,
        Option(
            reading.seconds_from(30 * 86_400),
            "How long the audit trail is kept, and bulk revocations that ended; at least 30 days.",
            default="`400d`",
        ),
    ] = 400 * 86_400
    keep_ended_grants: Annotated[
        int,
        Option(
            reading.seconds_from(86_400),
            "How long a grant that ended is still shown to administrators; at least a day.",
            default="`400d`",
        ),
    ] = 400 * 86_400
    ready_requires_ory: Annotated[
        bool,
        Option(
            reading.flag,
            "Whether `/health/ready` answers 503 while Ory is away; otherwise it only says so.",
        ),
    ] = False

    @classmethod
    def from_env(cls, env: Mapping[str, str], *, require: Collection[str] = ()) -> "Settings":
        """Read and check everything; *require* names fields this command cannot do without."""
        values, problems = read_all(OPTIONS, env)
        problems += _missing(require, values, problems)
        if "ory_api_key" in values:
            found = find(OPTIONS["ory_api_key"], env)
            values["ory_api_key_file"] = found.file if found else None
        values.setdefault("base_url", f"http://localhost:{values.get('port', 3000)}")
        values.setdefault("secret_keys", ())
        values.setdefault("log_format", "")
        settings = cls(**values)
        problems += _disagreements(settings, env)
        if problems:
            raise SettingsError(tuple(problems))
        return _completed(settings)

    @property
    def background_rate(self) -> int:
        """Calls to Ory per second that background work may make; 0: as many as it can."""
        if self.ory_background_rate is not None:
            return self.ory_background_rate
        return NETWORK_RATE if self.ory_api_key is not None else 0

    @property
    def has_mail(self) -> bool:
        """Whether mails reach somebody: by a server, or in development by the log."""
        return self.smtp_url is not None or self.development

    @property
    def host_name(self) -> str:
        """The host of ``BASE_URL``; the relying party of passkeys (WebAuthn, 5.4.2)."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def development(self) -> bool:
        """Whether ``BASE_URL`` names this very machine."""
        return urlsplit(self.base_url).hostname in _LOOPBACK

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return self.base_url.startswith("https://")

    @property
    def base_path(self) -> str:
        """The prefix of every page: empty, or with a leading and without a trailing slash."""
        return urlsplit(self.base_url).path

    @property
    def origin(self) -> str:
        """What browsers send as ``Origin`` from the portal's own pages."""
        return self.base_url.removesuffix(self.base_path)

    def __repr__(self) -> str:
        """Show every field, but of the database only its family: its URL may hold a password."""
        shown = {name: getattr(self, name) for name in self.__struct_fields__}
        shown["database_url"] = self.database_url.partition("://")[0] + "://***"
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _options() -> dict[str, Option]:
    """Collect the options of the fields; their ``PORTAL_…`` names are filled in here."""
    found: dict[str, Option] = {}
    for field, hint in get_type_hints(Settings, include_extras=True).items():
        for option in (item for item in get_args(hint) if isinstance(item, Option)):
            names = option.names or (f"PORTAL_{field.upper()}",)
            found[field] = msgspec.structs.replace(option, names=names)
    return found


OPTIONS: Final[Mapping[str, Option]] = _options()


def _missing(
    require: Collection[str], values: Mapping[str, Any], problems: Collection[str]
) -> list[str]:
    absent = [OPTIONS[field] for field in require if field not in values]
    return [
        f"{option.names[0]}: is not set. {option.about}{_for_example(option)}"
        for option in absent
        if not any(problem.startswith(option.names) for problem in problems)
    ]


def _for_example(option: Option) -> str:
    return f" For example: {option.names[0]}={option.example}" if option.example else ""


def _disagreements(settings: Settings, env: Mapping[str, str]) -> list[str]:
    """List values that are fine by themselves but not together."""
    problems = []
    passes, memory = settings.argon2_time_cost, settings.argon2_memory_cost
    if not any(passes >= least and memory >= kib for least, kib in ARGON2_MINIMUM):
        pairs = ", ".join(f"{kib} with {least}" for least, kib in ARGON2_MINIMUM)
        problems.append(
            f"PORTAL_ARGON2_MEMORY_COST, PORTAL_ARGON2_TIME_COST: {memory} KiB with {passes} "
            f"passes protects too little; choose at least one of {pairs}"
        )
    if memory < 8 * settings.argon2_parallelism:
        problems.append("PORTAL_ARGON2_MEMORY_COST: must be at least 8 KiB per lane")
    if settings.logo_dark and not settings.logo:
        problems.append("PORTAL_LOGO_DARK_FILE: needs PORTAL_LOGO_FILE, for light pages")
    if settings.registration and not settings.has_mail:
        problems.append("PORTAL_REGISTRATION: needs a mail server, named by PORTAL_SMTP_URL")
    given = any(env.get(name, "").strip() for name in ("SECRET_KEY", "SECRET_KEY_FILE"))
    if not given and not settings.development:
        problems.append(
            f"SECRET_KEY: is required because BASE_URL is {settings.base_url}; "
            f"make one with: {_MAKE_A_KEY}"
        )
    return problems


def _completed(settings: Settings) -> Settings:
    """Fill in what depends on other settings; in development that may write the key file."""
    keys = settings.secret_keys or (Secret(generated_key(settings.data_dir)),)
    log_format = settings.log_format or ("console" if settings.development else "json")
    return msgspec.structs.replace(
        settings,
        secret_keys=keys,
        log_format=log_format,
        site_name=settings.site_name or settings.host_name,
        mail_from=settings.mail_from or f"no-reply@{settings.host_name}",
    )
