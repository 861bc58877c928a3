"""A process that fills in the console's forms and opens its pages with values that nobody means to send.

It finds the forms by following links, as a person with that role sees them. Most values of a form stay as the page
has them, so that a form does what it is for; the others are replaced. A preview that a form shows is sent in turn.
"""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from random import Random
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urljoin, urlsplit

from fuzz.clients import fault_in
from fuzz.generated import NOISE, mutated
from fuzz.requests import HEADERS, Kind
from fuzz.server import make_cast, make_provider
from fuzz.tally import Outcome, Tally
from fuzz.wire import Request, Response, Wire

PAGES_OF_A_SHAPE = 2  # so that a thousand users are not a thousand pages
FORMS_OF_A_SHAPE = 6
MOST_PAGES = 120
CRAWLED_AGAIN = 300  # after so many forms, because forms change what there is
# They end the session or change whom it belongs to.
AVOIDED = (r"^/logout/", r"^/two-step/", r"^/password_change/", r"^/login/")
# Pages that may take longer: the connection test asks this server itself, an export has all rows, and a password is
# digested slowly on purpose.
PATIENT = {"/guide/test/": 15.0, "/export/": 20.0} | dict.fromkeys(("/accounts/", "/delete/", "/login/"), 3.0)
PASSWORD = "correct horse battery"  # of each account that the factory makes
ROLES = ("Administrator", "Administrator", "Administrator", "Administrator", "Support", "Operator")

POST, PREVIEW, PAGE, SIGN_IN = "form", "preview of a form", "page", "sign-in form"
_NOTHING: Callable[..., Any] = lambda *_: None  # noqa: E731 (kinds need a function, and these have none)
KINDS = {name: Kind(name, 1, _NOTHING) for name in (POST, PREVIEW, PAGE, SIGN_IN)}


@dataclass(frozen=True)
class Field:
    """A control of a form, with the values that it can send."""

    name: str
    type: str
    value: str = ""
    options: tuple[str, ...] = ()
    is_on: bool = True


@dataclass
class Form:
    """A form on a page. `words` are texts of the page, of which one may be what the form asks to be typed."""

    page: str
    action: str
    method: str
    fields: list[Field] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[str, tuple[str, ...]]:
        """What forms of the same kind have in common: the address without ids, and the names of the controls."""
        return shape_of(self.action), tuple(sorted({one.name for one in self.fields}))


def shape_of(address: str) -> str:
    """An address without ids and values: the path with `#` for each id, and the names of the parameters."""
    parts = urlsplit(address)
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    return re.sub(r"/(\d+|[0-9a-f-]{36})(?=/|$)", "/#", parts.path) + ("?" + "&".join(names) if names else "")


class Markup(HTMLParser):
    """The links and forms of a page."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address, self.links, self.words = address, list[str](), list[str]()
        self.forms: dict[str, Form] = {}
        self._current = ""
        self._select: list[Any] | None = None
        self.feed(text)
        for form in self.forms.values():
            form.words = self.words[-40:]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "a" and found.get("href", "").startswith(("/", "?")):
            self.links.append(urljoin(self.address, found["href"]).partition("#")[0])
        elif tag == "form":
            self._current = found.get("id") or f"form {len(self.forms)}"
            action = urljoin(self.address, found.get("action") or self.address)
            self._form().action, self._form().method = action, found.get("method", "get").lower()
        elif tag in ("input", "button", "textarea"):
            self._control(tag, found)
        elif tag == "select":
            self._select = [found, []]
        elif tag == "option" and self._select:
            self._select[1].append((found.get("value", ""), "selected" in found))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._current = ""
        elif tag == "select" and self._select:
            found, options = self._select
            values = tuple(value for value, _ in options)
            chosen = next((value for value, is_chosen in options if is_chosen), values[0] if values else "")
            self._add(found, Field(found.get("name", ""), "select", chosen, values))
            self._select = None

    def handle_data(self, data: str) -> None:
        if (text := data.strip()) and len(text) < 100:
            self.words.append(text)

    def _form(self, name: str = "") -> Form:
        return self.forms.setdefault(name or self._current, Form(self.address, self.address, "get"))

    def _control(self, tag: str, found: dict[str, str]) -> None:
        kind = "submit" if tag == "button" else found.get("type", "text") if tag == "input" else tag
        is_on = "checked" in found if kind in ("checkbox", "radio") else kind != "submit"
        value = found.get("value", "on" if kind in ("checkbox", "radio") else "")
        self._add(found, Field(found.get("name", ""), kind, value, is_on=is_on))

    def _add(self, found: dict[str, str], control: Field) -> None:
        home = found.get("form") or self._current
        if control.name and home:
            self._form(home).fields.append(control)


@dataclass
class Browser:
    """A session in the console: its cookies and its connection."""

    wire: Wire
    cookies: dict[str, str]
    role: str = ""

    def send(self, method: str, address: str, body: bytes | None = None, *extra: tuple[str, str]) -> Response:
        """Send a request with the session's cookies. Cookies of the response are kept."""
        own = (("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())),)
        response = self.wire.send(Request(method, address[:8_000], (*own, *extra), body))
        for name, value in re.findall(rb"(?mi)^set-cookie:[ \t]*(\w+)=([^;\r\n]*)", response.head):
            if name == b"iprova_csrf_%d" % self.wire.port:
                self.cookies[name.decode()] = value.decode("latin-1")
        return response


def sign_in(port: int, role: str) -> tuple[Browser, int]:
    """A browser in which a new account with this role is signed in, and the account's id. Needs Django."""
    from tests.factories import browser_of, make_account

    account = make_account(role, username=f"{role.lower()}-{secrets.token_hex(4)}")
    [session] = browser_of(account).cookies.values()  # a server names its cookies after its port
    return Browser(Wire(port), {f"iprova_session_{port}": session.value}, role), account.pk


def crawl(
    browser: Browser, avoided: re.Pattern[str], most: int = MOST_PAGES
) -> tuple[dict[str, list[str]], dict[Any, list[Form]]]:
    """Follow the links from the home page to at most `most` pages, those without parameters first.

    Return addresses of pages and forms, each by shape.
    """
    pages: dict[str, list[str]] = {}
    forms: dict[Any, list[Form]] = {}
    waiting, found = ["/"], dict[Any, list[str]]()
    while waiting and sum(map(len, pages.values())) < most:
        waiting.sort(key=lambda link: "?" in link)
        address = waiting.pop(0)
        response = browser.send("GET", address)
        if response.status != 200 or "text/html" not in response.header("Content-Type"):
            continue
        pages.setdefault(shape_of(address), []).append(address)
        markup = Markup(address, response.body.decode("utf-8", "replace"))
        for form in markup.forms.values():
            same = forms.setdefault(form.shape, [])
            if not avoided.search(urlsplit(form.action).path) and len(same) < FORMS_OF_A_SHAPE:
                same.append(form)
        for link in markup.links:
            is_deleted = _DELETED in address or _DELETED in link
            known = found.setdefault((shape_of(link), is_deleted), [])
            if link not in known and len(known) < PAGES_OF_A_SHAPE and not avoided.search(urlsplit(link).path):
                known.append(link)
                waiting.append(link)
    return pages, {shape: same for shape, same in forms.items() if same}


_DELETED = "status=removed"  # the list of deleted users and groups, whose pages have other forms


def fill_forms(port: int, count: int, seed: str, sent: Callable[[], Any], patience: float = 1.0) -> Outcome:
    """Send `count` forms that follow from `seed`, and open pages with changed parameters in between.

    `sent` is called after each form; `patience` multiplies time limits.
    """
    filler = Filler(port, Random(seed), seed, most=min(MOST_PAGES, 30 + count), patience=patience)
    for number in range(count):
        if number % CRAWLED_AGAIN == 0:
            filler.look_around()
        filler.number = number
        filler.fill_in()
        if filler.random.random() < 0.5:
            filler.open_page()
        if filler.random.random() < 0.01:
            filler.sign_in()
        sent()
    return filler.outcome


class Filler:
    """What one process knows of the console, and what it has found."""

    def __init__(self, port: int, random: Random, seed: str, most: int, patience: float) -> None:
        self.most, self.patience = most, patience
        self.port, self.random, self.seed, self.number = port, random, seed, 0
        self.outcome = Outcome({name: Tally() for name in KINDS})
        self.browsers: dict[str, Browser] = {}
        self.accounts: list[int] = []
        self.pages: dict[str, list[str]] = {}
        self.forms: dict[Any, list[Form]] = {}
        for role in dict.fromkeys(ROLES):
            self._begin_session(role)

    def _begin_session(self, role: str) -> Browser:
        self.browsers[role], account = sign_in(self.port, role)
        self.accounts.append(account)
        self.browsers[role].send("GET", "/")  # for the cookie of its forms
        return self.browsers[role]

    def look_around(self) -> None:
        """Find the pages and forms that there are now. Forms about the own accounts are left out."""
        browser = self.browsers["Administrator"]
        self._fill_up()
        if browser.send("GET", "/").status != 200:
            browser = self._begin_session("Administrator")
        own = rf"^/accounts/({'|'.join(map(str, self.accounts))})/"
        self.pages, self.forms = crawl(browser, re.compile("|".join([*AVOIDED, own])), self.most)

    def _fill_up(self) -> None:
        """Add a provider with users, some of them deleted, if forms have left fewer than three."""
        from providers.models import Provider

        while Provider.objects.live().count() < 3:
            _, token = make_provider(f"Form {secrets.token_hex(4)}")
            cast, _ = make_cast(self.port, token, users=40, groups=3)
            wire = Wire(self.port)
            for path in (*(f"/scim/Users/{one}" for one in cast.users[:6]), f"/scim/Groups/{cast.groups[0]}"):
                wire.send(Request("DELETE", path, (("Authorization", f"Bearer {token}"),)))
            wire.close()

    def fill_in(self) -> None:
        """Fill in one form and send it, and the preview that it may lead to."""
        posts = [shape for shape, forms in self.forms.items() if forms[0].method == "post"]
        form = self.random.choice(self.forms[self.random.choice(posts)])
        browser = self.browsers[self.random.choice(ROLES)]
        response = self._send(POST, browser, form, filled(self.random, form))
        if response.status == 200 and self.random.random() < 0.6:
            shown = Markup(form.action, response.body.decode("utf-8", "replace"))
            plans = [one for one in shown.forms.values() if any(control.name == "plan" for control in one.fields)]
            if plans:
                self._send(PREVIEW, browser, plans[0], filled(self.random, plans[0], share=0.05))
        elif location := response.header("Location"):
            if location.startswith("/login/"):  # another process has disabled the account
                self._begin_session(browser.role)
            else:
                self._get(browser, urljoin(form.action, location))

    def open_page(self) -> None:
        """Open a page with parameters that it may know, and values that it does not expect."""
        address = self.random.choice(self.pages[self.random.choice(list(self.pages))])
        self._get(self.browsers[self.random.choice(ROLES)], with_parameters(self.random, address, self._names()))

    def sign_in(self) -> None:
        """Send the sign-in form with a name and password that nobody has."""
        nobody = Browser(Wire(self.port), {})
        page = nobody.send("GET", "/login/")
        forms = Markup("/login/", page.body.decode("utf-8", "replace")).forms.values()
        form = next((one for one in forms if any(control.type == "password" for control in one.fields)), None)
        if form:
            self._send(SIGN_IN, nobody, form, filled(self.random, form, share=0.9))
        nobody.wire.close()

    def _names(self) -> list[str]:
        shapes = "&".join(shape.partition("?")[2] for shape in self.pages)
        fields = (one.name for forms in self.forms.values() if forms[0].method == "get" for one in forms[0].fields)
        return sorted({*filter(None, shapes.split("&")), *fields})

    def _get(self, browser: Browser, address: str) -> None:
        kind = self._kind(PAGE, address)
        headers = [header for header in HEADERS if header[0] in ("Accept-Language", "Accept", "Range")]
        extra = [self.random.choice(headers)] if self.random.random() < 0.1 else []
        extra += [("X-Dialog", "asked")] if self.random.random() < 0.2 else []

        def open_it() -> Response:
            return browser.send("GET", address, None, *extra)

        self._judge(kind, open_it(), open_it, {"page": address, "role": browser.role})

    def _send(self, name: str, browser: Browser, form: Form, values: list[tuple[str, Any]]) -> Response:
        kind = self._kind(name, form.action)
        is_dialog = self.random.random() < 0.3

        def send_it(changed: list[tuple[str, Any]] = values) -> Response:
            return submit(browser, form, changed, is_dialog=is_dialog)

        response = send_it()
        step = {"page": form.page, "action": form.action, "role": browser.role, "values": _as_json(values)}
        self._judge(kind, response, send_it, step)
        return response

    def _kind(self, name: str, address: str) -> Kind:
        limits = [limit_s for part, limit_s in PATIENT.items() if part in address]
        return replace(KINDS[name], limit_s=max([1.0, *limits]) * self.patience)

    def _judge(self, kind: Kind, response: Response, again: Callable[[], Response], step: dict[str, Any]) -> None:
        tally = self.outcome.tallies[kind.name]
        tally.add(response)
        why = fault_in(kind, response)
        if why == "slow":
            if min(again().took_s, again().took_s) <= kind.limit_s:
                return
            tally.slow += 1
        if _leads_away(response.header("Location")):
            why = "it leads to another host"
        if why:
            self.outcome.note(kind.name, {"why": why, "seed": self.seed, "number": self.number, "steps": [step]})


def _leads_away(location: str) -> bool:
    """Whether a browser would follow a Location to another host. It reads a backslash as a slash."""
    return urlsplit(location.replace("\\", "/")).hostname not in (None, "127.0.0.1")


def submit(browser: Browser, form: Form, values: list[tuple[str, Any]], *, is_dialog: bool = False) -> Response:
    """Send a form with these values. A value of bytes is a file."""
    csrf = browser.cookies.get(f"iprova_csrf_{browser.wire.port}")
    values = [(name, csrf if csrf and name == _CSRF else sent) for name, sent in values]
    if any(isinstance(sent, bytes) for _, sent in values):
        body, content_type = _multipart(values), "multipart/form-data; boundary=fuzz-boundary"
    else:
        body, content_type = urlencode(values, errors="surrogatepass").encode(), "application/x-www-form-urlencoded"
    extra = [("Content-Type", content_type), *([("X-Dialog", "asked")] if is_dialog else [])]
    return browser.send("POST", form.action, body, *extra)


_CSRF = "csrfmiddlewaretoken"


def _multipart(values: list[tuple[str, Any]]) -> bytes:
    parts = []
    for name, sent in values:
        shown = name.replace('"', "%22").replace("\r", "").replace("\n", "").encode("utf-8", "replace")
        # A value of bytes is a file.
        kind = b'; filename="a.json"\r\nContent-Type: application/json' if isinstance(sent, bytes) else b""
        content = sent if isinstance(sent, bytes) else str(sent).encode("utf-8", "replace")
        parts.append(
            b'--fuzz-boundary\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s' % (shown, kind, content)
        )
    return b"\r\n".join([*parts, b"--fuzz-boundary--\r\n"])


def filled(random: Random, form: Form, share: float = 0.2) -> list[tuple[str, Any]]:
    """The values of a form: those of the page, about `share` of them replaced, one in ten left out or given twice."""
    values: list[tuple[str, Any]] = []
    buttons = [one for one in form.fields if one.type == "submit"]
    chosen = random.choice(buttons) if buttons else None
    for control in form.fields:
        if control.name == _CSRF:
            values.append((_CSRF, control.value))
        elif control.type == "submit":
            if control is chosen and control.name:
                values.append((control.name, control.value))
        elif control.type == "file":
            values.append((control.name, random.choice(FILES)(random)))
        elif random.random() < share:
            values.append((control.name, _replaced(random, control, form)))
        elif control.is_on:
            values.append((control.name, _usual(random, control, form)))
    if random.random() < 0.1:
        values = [pair for pair in values if pair[0] == _CSRF or random.random() < 0.7]
    if values and random.random() < 0.1:
        values.append(
            (random.choice(values)[0] if random.random() < 0.7 else random.choice(TEXTS), random.choice(TEXTS))
        )
    return values


def _usual(random: Random, control: Field, form: Form) -> str:
    """The value on the page, and of a password the account's own.

    An empty text gets one of the page's words in most cases: some forms ask for a name in this way.
    """
    if control.type == "password":
        return PASSWORD
    if control.value or control.type not in ("text", "textarea", "email", "search") or random.random() < 0.2:
        return control.value
    return random.choice(form.words if form.words and random.random() < 0.7 else TEXTS)


def _replaced(random: Random, control: Field, form: Form) -> str:
    if control.options and random.random() < 0.7:
        return random.choice(control.options)
    if control.value and random.random() < 0.4:
        return mutated(random, control.value, 1)
    return random.choice([*TEXTS, *form.words[-5:]])


TEXTS = [
    *("", " ", "0", "1", "-1", "42", "10080", "9" * 30, "1e9", "0x10", "٣", "1.5", "true", "on", "None", "null"),
    *(
        "2026-12-31",
        "9999-12-31",
        "0001-01-01",
        "2026-02-30",
        "9999-12-31T23:59:59-12:00",
        "2026-12-31T25:00",
        "tomorrow",
    ),
    *(
        "Ward 7",
        "É\u0301",
        "ＡＤＭＩＮ",
        "a" * 300,
        "a" * 5_000,
        "b " * 1_900,
        "a@" + "." * 3_000 + " ",
        "\0",
        "\ud800",
    ),
    *(
        "<script>alert(1)</script>",
        '"><img src=x>',
        "{{ 7*7 }}",
        "%s%n",
        "';--",
        "\\",
        "=1+1",
        "\r\nX: y",
        "\u202e",
        "💥",
    ),
    *("a@example.com", "a@", "@", "a@b\nc", "203.0.113.0/24", "203.0.113.0/24 # Office\n2001:db8::/32", "0.0.0.0/0"),
    *("::/0", "1.2.3", "10.0.0.0/8\n" * 200, "10.0.0.1-10.0.0.9", "#", "AzureActiveDirectory", "https://evil.example/"),
    *("//evil.example", "javascript:x", "/eum/users/", "../../etc/passwd", "nl", "xx", "Administrator", "admin"),
    *NOISE,
]


def with_parameters(random: Random, address: str, names: list[str]) -> str:
    """The address with some of its parameters replaced and others added."""
    path, _, query = address.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    changed = [(name, random.choice(TEXTS) if random.random() < 0.4 else value) for name, value in pairs]
    for _ in range(random.randint(0, 3)):
        changed.append((random.choice(names or ["q"]), random.choice(TEXTS)))
    random.shuffle(changed)
    return path + ("?" + urlencode(changed, errors="surrogatepass", quote_via=quote_plus) if changed else "")


def schema_file(random: Random) -> bytes:
    """A schema extension, in most cases with something changed."""
    kinds = ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex", "x", 1, None]
    attributes = []
    for number in range(random.choice((1, 2, 5, 60))):
        attribute: dict[str, Any] = {"name": random.choice([f"attribute{number}", *TEXTS[:12], "password"])}
        attribute |= {"type": random.choice(kinds[: random.choice((1, 8, 11))]), "multiValued": random.random() < 0.3}
        if attribute["type"] == "complex":
            attribute["subAttributes"] = [{"name": "value"}, {"name": random.choice(["type", "x", "", "value"])}]
        if random.random() < 0.3:
            name = random.choice(
                ["caseExact", "mutability", "returned", "required", "uniqueness", "canonicalValues", "y"]
            )
            attribute[name] = random.choice(["readWrite", "never", True, [], {}, "x" * 500, 10**30, ["a"]])
        attributes.append(attribute)
    urn = random.choice(["urn:example:a:User", "urn:example:b", f"urn:x:{random.getrandbits(16)}", "x", "urn:", 5, "é"])
    return _file(random, {"id": urn, "name": random.choice(["Care", *TEXTS]), "attributes": attributes})


def service_tags(random: Random) -> bytes:
    """Microsoft's list of address ranges, in most cases with something changed."""
    ranges = ["20.190.128.0/18", "2603:1006:2000::/48", "40.126.0.0/18", "0.0.0.0/0", "x", "", "1.2.3.4/33", 5, None]
    tags: list[Any] = []
    for name in ("AzureActiveDirectory", "AzureCloud", random.choice(TEXTS)):
        prefixes = [random.choice(ranges[: random.choice((3, 9))]) for _ in range(random.choice((0, 1, 3, 800)))]
        properties = {"changeNumber": random.choice([1, 214, -1, "x", 10**400, None]), "addressPrefixes": prefixes}
        tags.append(
            {"name": name, "id": name, "properties": random.choice([properties, properties, properties, [], None])}
        )
    cloud = random.choice(["Public", "Public", "Public", "China", None])
    return _file(random, {"changeNumber": 400, "cloud": cloud, "values": random.choice([tags, tags, tags, {}, None])})


def _file(random: Random, document: Any) -> bytes:
    text = mutated(random, json.dumps(document), 0.2).encode("utf-8", "replace")
    damaged = [
        *(
            text[: len(text) // 2],
            b"\xef\xbb\xbf" + text,
            text.decode("utf-8", "replace").encode("utf-16"),
            b"\0" * 100,
        ),
        *(
            b"[" * 20_000,
            b'{"id": ' + b"9" * 5_000 + b"}",
            b"",
            b"1e999",
            b'"' + b"\\ud800" * 3 + b'"',
            random.randbytes(300),
        ),
    ]
    return random.choice(damaged) if random.random() < 0.25 else text


FILES: tuple[Callable[[Random], bytes], ...] = (schema_file, service_tags)


def _as_json(values: list[tuple[str, Any]]) -> list[list[Any]]:
    shown = [(name, sent) for name, sent in values if name != _CSRF]
    return [[name, {"hex": sent.hex()} if isinstance(sent, bytes) else sent] for name, sent in shown]


def replay_step(browser: Browser, step: dict[str, Any]) -> Response | None:
    """Send a form or open a page that a file describes, at an address of the same shape. None if there is none now."""
    pages, forms = crawl(browser, re.compile("^/logout/"))
    if "action" not in step:
        path, mark, query = step["page"].partition("?")
        known = [page.partition("?")[0] for same in pages.values() for page in same]
        found = next((page for page in known if shape_of(page) == shape_of(path)), path)
        return browser.send("GET", found + mark + query)
    names = {name for name, _ in step["values"]}
    same = [one[0] for (action, _), one in forms.items() if action == shape_of(step["action"])]
    # Of the forms with this address, the one that has most of the fields.
    form = max(same, key=lambda one: len(names & {control.name for control in one.fields}), default=None)
    if form is None:
        return None
    token = [(one.name, one.value) for one in form.fields if one.name == _CSRF]
    values = [(name, bytes.fromhex(sent["hex"]) if isinstance(sent, dict) else sent) for name, sent in step["values"]]
    return submit(browser, form, [*token, *values])
