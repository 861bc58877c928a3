"""Each history, played over SCIM and read on the user's page as support reads it, in both languages (AC-PER-1)."""

import re
from uuid import UUID

import pytest

from tests.pages import IN_DUTCH, Page, read
from tests.providers.console.users.histories import HISTORIES, Directory
from tests.providers.console.users.summaries import DOCUMENT, document, expected

# What differs from run to run.
CHANGING = {
    r"\d{1,2} \w{3} 20\d\d(, \d\d:\d\d CET)?": "<time>",
    r"\b\d\d:\d\d CET\b": "<time>",
    r"(request|verzoek) [0-9a-f]{8}": r"\1 …",
}


def page_of(found: str | UUID) -> str:
    return found if str(found).startswith("/") else f"/eum/users/{found}/"


def paragraphs_on(page: Page) -> list[str]:
    """The summary of a user, or what a search shows of a user who was never created."""
    test_id = "summary" if page.has(test_id="summary") else "never-created"
    found = [paragraph.text for paragraph in page.one(test_id=test_id).all("p")]
    for changing, stands_for in CHANGING.items():
        found = [re.sub(changing, stands_for, text) for text in found]
    return found


@pytest.mark.parametrize("name", HISTORIES)
def test_summary_in_which_an_operator_reads_no_personal_value(support, operator, name):
    page = page_of(HISTORIES[name](Directory("Contoso Entra ID")))
    texts = expected()[name]
    assert paragraphs_on(read(support.get(page))) == texts["en"]
    assert paragraphs_on(read(support.get(page, headers=IN_DUTCH))) == texts["nl"]
    found = read(operator.get(page))
    if "?q=" in page:  # whoever may not see names finds nobody by one
        assert not found.has(test_id="never-created")
    else:
        assert not re.search(r"[Jj]ane|[Jj]ohn|Boer|Smit|Surgeon", " ".join(paragraphs_on(found)))


def test_each_history_is_in_the_document_with_its_summary():
    assert list(expected()) == list(HISTORIES)
    command = "python -m tests.providers.console.users.summaries"
    assert DOCUMENT.read_text("utf-8") == document(), f"{command} makes the table again"
