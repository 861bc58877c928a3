"""Pages as tests read them: elements by test id, role, label or attribute, and the text that a reader sees.

White space, line breaks and the order of attributes are a matter of layout, so no test looks at them. A page whose
tags do not match is an error.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_INLINE = {"a", "abbr", "b", "bdi", "code", "del", "em", "i", "ins", "kbd", "small", "span", "strong", "sub", "time"}
_UNSEEN = {"head", "script", "style", "template"}
_CONTROLS = {"button", "input", "select", "textarea"}
_ROLES = {"a": "link", "nav": "navigation"} | dict.fromkeys(("h1", "h2", "h3", "h4"), "heading")


class Element:
    """An element, what is inside it, and the element around it."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: "Element | None" = None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element | str] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def __iter__(self) -> "Iterator[Element]":
        """Every element below this one, in the order of the page."""
        waiting = self.children[::-1]
        while waiting:
            child = waiting.pop()
            if isinstance(child, Element):
                yield child
                waiting += child.children[::-1]

    @property
    def text(self) -> str:
        """What a reader sees, with runs of white space as one space. A no-break space stays one."""
        return re.sub(r"[ \t\r\n\f]+", " ", "".join(self._pieces())).strip(" ")

    @property
    def value(self) -> str:
        """What a form would send for this control."""
        if self.tag == "select":
            return self.one("option", selected=True)["value"]
        if self.tag == "textarea":
            return "".join(map(str, self.children)).removeprefix("\n")
        return self["value"]

    @property
    def rows(self) -> list[list[str]]:
        """The texts of the cells of a table, without the rows that hold headings only."""
        cells = [[cell for cell in row if cell.tag in ("th", "td")] for row in self.all("tr")]
        return [[cell.text for cell in row] for row in cells if any(cell.tag == "td" for cell in row)]

    def all(self, tag: str = "", **wanted: Any) -> "list[Element]":
        """The elements below this one that have all of `wanted`.

        That is `test_id`, `role`, `label` (of a control), `text` (all of it), or an attribute: with its value, or
        True if it is only there. `data_x` is the attribute data-x; `class_` is one class of those it has.
        """
        return [one for one in self if tag in ("", one.tag) and all(one._has(*item) for item in wanted.items())]

    def one(self, tag: str = "", **wanted: Any) -> "Element":
        """The only such element."""
        found = self.all(tag, **wanted)
        assert len(found) == 1, f"{len(found)} elements are {tag} {wanted} in: {self.text[:2_000]}"
        return found[0]

    def has(self, tag: str = "", **wanted: Any) -> bool:
        return bool(self.all(tag, **wanted))

    def around(self, tag: str) -> "Element":
        """The nearest `tag` that this element is in."""
        found = self.parent
        while found is not None and found.tag != tag:
            found = found.parent
        assert found is not None, f"no {tag} is around {self.text}"
        return found

    def _has(self, name: str, wanted: Any) -> bool:
        if name == "text":
            return self.text == wanted
        if name == "role":
            return self.attributes.get("role", _ROLES.get(self.tag, self.tag)) == wanted
        if name == "label":
            return self.tag in _CONTROLS and wanted in self._labels()
        if name == "class_":
            return wanted in self.attributes.get("class", "").split()
        found = self.attributes.get("data-testid" if name == "test_id" else name.rstrip("_").replace("_", "-"))
        return found is not None if wanted is True else found == wanted

    def _labels(self) -> Iterator[str]:
        yield self.attributes.get("aria-label", "")
        root = self
        while root.parent is not None:
            root = root.parent
            if root.tag == "label":
                yield root.text
        yield from (label.text for label in root.all("label", for_=self.attributes.get("id", "")))

    def _pieces(self) -> Iterator[str]:
        if self.tag in _UNSEEN:
            return
        edge = "" if self.tag in _INLINE else " "
        yield edge
        for child in self.children:
            yield from [child] if isinstance(child, str) else child._pieces()
        yield edge


class Page(Element):
    """A whole page or a part that was sent alone. `source` is every character, for what may stand nowhere in it."""

    def __init__(self, source: str) -> None:
        super().__init__("", {})
        self.source = source
        _Reader(self).read(source)


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.inside: Element = page

    def read(self, source: str) -> None:
        self.feed(source)
        self.close()
        assert self.inside.parent is None, f"<{self.inside.tag}> has no end"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = self._add(tag, attrs)
        if tag not in _VOID:
            self.inside = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.tag == tag and self.inside.parent, f"</{tag}> ends <{self.inside.tag}>: {self.getpos()}"
        self.inside = self.inside.parent

    def handle_data(self, data: str) -> None:
        self.inside.children.append(data)

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.inside)
        self.inside.children.append(element)
        return element


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(Element(tag, {name: value or "" for name, value in attrs}))


def start_tags(template: str) -> list[Element]:
    """Every element of a template, where ends may stand in other branches: none is inside another."""
    tags = _Tags()
    tags.feed(template)
    return tags.found


def read(answer: Any) -> Page:
    """The page of a response, or of its markup."""
    return Page(answer if isinstance(answer, str) else answer.content.decode())


def provider_page(provider, tab=""):
    return f"/eum/providers/{provider.pk}/{tab}"


IN_DUTCH = {"Accept-Language": "nl-BE,nl;q=0.9,en;q=0.5"}


def language_of(answer):
    return read(answer).one("html")["lang"]


def switch(browser, language, page="/eum/users/?q=jane&status=active"):
    return browser.post("/language/", {"language": language, "next": page})


def leads_back(page):
    return page.one("main").has("a", href="/")
