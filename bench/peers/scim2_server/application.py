"""scim2-server as its own command serves it: everything in memory, one static token."""

import os

from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

_provider = ScimProvider.from_discovery(
    load_default_schemas().values(),
    load_default_resource_types().values(),
    config=load_default_service_provider_config(),
)
application = BearerTokenApplication(
    InMemoryStorage(),
    _provider,
    service=ScimService(_provider, secret="the bench keeps no secret"),
    bearer_tokens=[os.environ["BENCH_TOKEN"]],
)
