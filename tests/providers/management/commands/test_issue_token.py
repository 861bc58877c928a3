"""`manage.py issue_token`."""

import pytest
from django.core.management import CommandError

from tests.providers.management.conftest import run


def test_a_third_live_token_is_refused(provider):
    run("issue_token", str(provider.pk))
    run("issue_token", str(provider.pk))
    with pytest.raises(CommandError, match="two live tokens"):
        run("issue_token", str(provider.pk))
