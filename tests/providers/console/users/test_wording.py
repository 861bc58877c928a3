"""Every sentence of the summary can be filled in both languages, and has no pronoun."""

import re

import pytest
from django.utils.translation import override

from providers.console.users.wording import Sentence, Why


@pytest.mark.parametrize("sentence", [*Sentence, *Why], ids=str)
def test_both_languages_have_the_same_places_and_no_pronoun(sentence):
    texts = {}
    for language in ("en", "nl"):
        with override(language):
            texts[language] = str(sentence.label)
    places = [set(re.findall(r"{(\w+)}", text)) for text in texts.values()]
    assert places[0] == places[1] and texts["en"] != texts["nl"]
    assert not re.search(r"\b(she|her|he|his|him)\b", texts["en"])
    assert not re.search(r"\b(zij|haar|hij|hem)\b", texts["nl"])
