"""Our schemas and comparisons as scim2-models has them, for tests that let it judge."""

from typing import Any

import scim2_models

from scim.protocol.attributes import ResourceType, Schema
from scim.protocol.values import comparison_key

# RFC 7643 §2.2 and RFC 7644 §3.4.2.2 leave to the server how text that is not caseExact is compared; which text
# that is, scim2-models reads from the schemas by itself, but for meta.location: RFC 7643 §2.3.7, a reference is exact.
OUR_TEXTS = scim2_models.ScimPolicy(
    comparison_key=lambda binding, value: (
        value if binding.case_exact or binding.urn.endswith("meta.location") else comparison_key(value)
    )
)


def schema_of(schema: Schema) -> scim2_models.Schema:
    return scim2_models.Schema.model_validate(schema.document)


def model_of(resource_type: ResourceType) -> Any:
    """The model that scim2-models makes of our schema documents."""
    model = scim2_models.Resource.from_schema(schema_of(resource_type.schema))
    extensions = [scim2_models.Extension.from_schema(schema_of(one)) for one in resource_type.extensions]
    return model[extensions[0]] if extensions else model
