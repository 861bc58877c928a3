"""The tables. `Provider` and its credentials, the directory that it fills, and what happened."""

from providers.models.directory import Membership, Resource, SyncedGroup, SyncedUser, synced_user_model
from providers.models.preference import SavedFilter
from providers.models.provider import (
    RECYCLE_BIN_DAYS,
    TEST_PREFIX,
    Brake,
    HeldLeaver,
    IpMode,
    IpRule,
    Provider,
    SchemaExtension,
    Token,
)
from providers.models.record import (
    Action,
    ChangeEvent,
    JobRun,
    Notice,
    Outcome,
    ProviderActivity,
    Refusal,
    RefusedCalls,
    RequestCount,
    RequestLog,
    SourceSeen,
    first_id_at,
)

__all__ = [
    "RECYCLE_BIN_DAYS",
    "TEST_PREFIX",
    "Action",
    "Brake",
    "ChangeEvent",
    "HeldLeaver",
    "IpMode",
    "IpRule",
    "JobRun",
    "Membership",
    "Notice",
    "Outcome",
    "Provider",
    "ProviderActivity",
    "Refusal",
    "RefusedCalls",
    "RequestCount",
    "RequestLog",
    "Resource",
    "SavedFilter",
    "SchemaExtension",
    "SourceSeen",
    "SyncedGroup",
    "SyncedUser",
    "Token",
    "first_id_at",
    "synced_user_model",
]
