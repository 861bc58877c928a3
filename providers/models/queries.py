"""The named queries that rows of every kind share: each chain about one provider's rows opens with `of`."""

from collections.abc import Iterable
from typing import Any, Self

from django.db import models


class OfProvider(models.QuerySet[Any]):
    """Rows that bear the provider to which they belong."""

    def of(self, provider: models.Model | int) -> Self:
        """The rows of one provider, given as such or by its id."""
        return self.filter(provider_id=provider if isinstance(provider, int) else provider.pk)

    def of_any(self, providers: Iterable[int]) -> Self:
        """The rows of several providers, given by their ids."""
        return self.filter(provider_id__in=list(providers))
