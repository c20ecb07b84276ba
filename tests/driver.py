"""A browser without a screen: follows redirects over app, Ory and portal, fills in forms.

It posts what a real browser would post from the HTML that it was sent, so a field that is missing
there is missing in the request. It runs no script: what works here works without JavaScript.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import html5lib
import httpx

MOST_REDIRECTS = 20
KEPT_METHOD = {307, 308}
BUTTONS = {"submit", "button", "image", "reset"}


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One request of a journey and how it was answered."""

    method: str
    url: httpx.URL
    status: int


class Document:
    """A page as it was sent, and as the person has filled it in so far."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.url = response.url
        self.status = response.status_code
        self.html = response.text

    @cached_property
    def root(self) -> Element:
        root: Element = html5lib.parse(self.html, namespaceHTMLElements=False)
        return root

    @cached_property
    def _parents(self) -> dict[Element, Element]:
        return {child: parent for parent in self.root.iter() for child in parent}

    @property
    def title(self) -> str:
        return words(self.root.find(".//title"))

    @property
    def text(self) -> str:
        """What is there to read, with single blanks."""
        return words(self.root.find("body"))

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address, such as an app's callback gets them."""
        return dict(self.url.params)

    def find(self, element_id: str) -> Element | None:
        return next((e for e in self.root.iter() if e.get("id") == element_id), None)

    def element(self, element_id: str) -> Element:
        found = self.find(element_id)
        assert found is not None, f"no #{element_id} on {self}"
        return found

    def has(self, element_id: str) -> bool:
        return self.find(element_id) is not None

    def boxes(self, name: str) -> dict[str, bool]:
        """The checkboxes called *name*: value → ticked."""
        return {
            box.get("value", "on"): "checked" in box.attrib
            for box in self.root.iter("input")
            if box.get("name") == name and box.get("type") == "checkbox"
        }

    def box(self, name: str, value: str) -> Element:
        for box in self.root.iter("input"):
            if box.get("name") == name and box.get("value") == value:
                return box
        raise AssertionError(f"no {name}={value} on {self}")

    def link(self, text: str) -> str:
        """Where the link that reads *text* leads."""
        for anchor in self.root.iter("a"):
            if text.casefold() in words(anchor).casefold() and anchor.get("href"):
                return str(self.url.join(anchor.get("href", "")))
        raise AssertionError(f"no link {text!r} on {self}")

    def link_to(self, *parts: str) -> str:
        """The address of the link whose target contains all of *parts*."""
        for anchor in self.root.iter("a"):
            href = anchor.get("href", "")
            if all(part in href for part in parts):
                return str(self.url.join(href))
        raise AssertionError(f"no link to {parts} on {self}")

    def form_around(self, element: Element) -> Element:
        above: Element | None = element
        while above is not None and above.tag != "form":
            above = self._parents.get(above)
        assert above is not None, f"a button outside of any form on {self}"
        return above

    def __str__(self) -> str:
        return f"{self.status} {self.url.copy_with(query=None)}: {self.title!r} {self.text[:500]!r}"


class Browser:
    """One person's browser: its own cookies, one window."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._document: Document | None = None
        self.trail: list[Hop] = []

    @property
    def page(self) -> Document:
        assert self._document is not None, "nothing was opened yet"
        return self._document

    @property
    def cookies(self) -> httpx.Cookies:
        return self._http.cookies

    async def open(self, url: str | httpx.URL) -> Document:
        """Type *url* into the address bar."""
        self.trail = []
        return await self._go("GET", httpx.URL(url), None, headers={"Sec-Fetch-Site": "none"})

    async def reload(self) -> Document:
        return await self.open(self.page.url)

    def show(self, document: Document) -> None:
        """Bring another tab with *document* to the front."""
        self._document = document

    def fill(self, element_id: str, text: str) -> None:
        self.page.element(element_id).set("value", text)

    def select(self, element_id: str, value: str) -> None:
        """Pick the option with *value* from a drop-down list."""
        options = {option.get("value"): option for option in self.page.element(element_id)}
        for option in options.values():
            option.attrib.pop("selected", None)
        options[value].set("selected", "selected")

    def tick(self, element_id: str, *, ticked: bool = True) -> None:
        """Tick or untick a box; of radio buttons of one name the last one ticked is left."""
        box = self.page.element(element_id)
        if box.get("type") == "radio":
            assert ticked or "checked" not in box.attrib, "nobody can untick a radio button"
            for other in self.page.form_around(box).iter("input"):
                if ticked and (other.get("type"), other.get("name")) == ("radio", box.get("name")):
                    set_ticked(other, ticked=False)
        set_ticked(box, ticked=ticked)

    def choose(self, name: str, *values: str) -> None:
        """Tick exactly the boxes called *name* that have these *values*."""
        for value in self.page.boxes(name):
            set_ticked(self.page.box(name, value), ticked=value in values)
        missing = set(values) - set(self.page.boxes(name))
        assert not missing, f"no box {name}={missing} on {self.page}"

    async def follow(self, text: str) -> Document:
        """Click the link that reads *text*."""
        return await self._navigate("GET", httpx.URL(self.page.link(text)), None)

    async def click(self, element_id: str) -> Document:
        """Press a button of a form."""
        return await self.submit(self.page.element(element_id))

    async def submit(self, button: Element) -> Document:
        """Send the form around *button* as a browser would."""
        form = self.page.form_around(button)
        if "formnovalidate" not in button.attrib and "novalidate" not in form.attrib:
            self._check_required(form)
        fields = list(successful(form))
        if button.get("name"):
            fields.append((button.get("name", ""), button.get("value", "")))
        action = button.get("formaction") or form.get("action") or str(self.page.url)
        method = (button.get("formmethod") or form.get("method") or "get").upper()
        return await self.send(method, action, fields)

    async def send(self, method: str, action: str, fields: list[tuple[str, str]]) -> Document:
        """Send *fields* from the page that is open, also ones that it has no box for."""
        target = self.page.url.join(action)
        if method == "GET":
            query = urlencode(fields).encode()
            return await self._navigate("GET", target.copy_with(query=query), None)
        return await self._navigate("POST", target, fields)

    async def send_and_look_away(self, action: str, fields: list[tuple[str, str]]) -> int:
        """The first click of a double click: sent, but nobody reads the answer; its status."""
        here = self.page.url
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": origin(here), "Referer": str(here)}
        response = await self._request("POST", here.join(action), fields, headers)
        return response.status_code

    def _check_required(self, form: Element) -> None:
        for field in form.iter("input"):
            if "required" in field.attrib and not field.get("value"):
                raise AssertionError(f"a browser would not send this: #{field.get('id')} is empty")

    async def _navigate(
        self, method: str, url: httpx.URL, fields: list[tuple[str, str]] | None
    ) -> Document:
        self.trail = []
        here = self.page.url
        headers = {"Sec-Fetch-Site": relation(here, url)}
        if method == "POST":
            headers["Origin"] = origin(here)
        if origin(here) == origin(url):
            headers["Referer"] = str(here)
        return await self._go(method, url, fields, headers=headers)

    async def _go(
        self,
        method: str,
        url: httpx.URL,
        fields: list[tuple[str, str]] | None,
        *,
        headers: dict[str, str],
    ) -> Document:
        """Follow redirects as browsers do, and keep the page at the end."""
        for _ in range(MOST_REDIRECTS):
            response = await self._request(method, url, fields, headers)
            self.trail.append(Hop(method=method, url=url, status=response.status_code))
            if not response.has_redirect_location:
                self._document = Document(response)
                return self._document
            target = url.join(response.headers["location"])
            headers = {"Sec-Fetch-Site": worse(headers["Sec-Fetch-Site"], relation(url, target))}
            if response.status_code not in KEPT_METHOD:
                method, fields = "GET", None
            url = target
        raise AssertionError(f"more than {MOST_REDIRECTS} redirects, the last to {url}")

    async def _request(
        self,
        method: str,
        url: httpx.URL,
        fields: list[tuple[str, str]] | None,
        headers: dict[str, str],
    ) -> httpx.Response:
        body = None if fields is None else urlencode(fields).encode()
        sent = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} | headers
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        return await self._http.request(
            method, url, content=body, headers=sent, follow_redirects=False
        )


def successful(form: Element) -> Iterator[tuple[str, str]]:
    """The controls of *form* that a browser sends (HTML, "constructing the entry list")."""
    for control in form.iter():
        name, kind = control.get("name"), control.get("type", "text").lower()
        if not name or "disabled" in control.attrib:
            continue
        if control.tag == "textarea":
            yield name, control.text or ""
        elif control.tag == "select":
            yield name, chosen(control)
        elif control.tag == "input" and kind in {"checkbox", "radio"}:
            if "checked" in control.attrib:
                yield name, control.get("value", "on")
        elif control.tag == "input" and kind not in BUTTONS:
            yield name, control.get("value", "")


def chosen(select: Element) -> str:
    """The value of a drop-down list: its first option unless another one is selected."""
    options = list(select.iter("option"))
    picked = next((o for o in options if "selected" in o.attrib), options[0])
    return picked.get("value", words(picked))


def set_ticked(box: Element, *, ticked: bool) -> None:
    """Tick or untick a checkbox."""
    if ticked:
        box.set("checked", "")
    else:
        box.attrib.pop("checked", None)


def words(element: Element | None) -> str:
    """All text in *element*, with single blanks."""
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip() if element is not None else ""


def origin(url: httpx.URL) -> str:
    """Scheme, host and port, as the Origin header has them."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}"


def relation(here: httpx.URL, there: httpx.URL) -> str:
    """What Sec-Fetch-Site says of a step from *here* to *there*; a port makes no other site."""
    if origin(here) == origin(there):
        return "same-origin"
    same = (here.scheme, here.host) == (there.scheme, there.host)
    return "same-site" if same else "cross-site"


def worse(one: str, other: str) -> str:
    """Of two relations the more distant one: a chain of redirects never gets closer again."""
    order = ("none", "same-origin", "same-site", "cross-site")
    return "none" if one == "none" else max(one, other, key=order.index)
