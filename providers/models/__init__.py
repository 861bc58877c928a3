"""The tables: providers with their settings and tokens, users and groups, the records, and preferences."""

from providers.models.preference import Preference, SavedFilter
from providers.models.provider import (
    RECYCLE_BIN_DAYS,
    TEST_PREFIX,
    HeldRemoval,
    IpMode,
    IpRule,
    Provider,
    RemovalLimit,
    SchemaExtension,
    Token,
    TokenState,
)
from providers.models.record import (
    ChangeEvent,
    JobRun,
    Notice,
    ProviderActivity,
    RefusedCalls,
    RequestCount,
    RequestLog,
    SourceSeen,
    like_words,
)
from providers.models.resource import Membership, Resource, Status, SyncedGroup, SyncedUser, synced_user_model

__all__ = [
    "RECYCLE_BIN_DAYS",
    "TEST_PREFIX",
    "ChangeEvent",
    "HeldRemoval",
    "IpMode",
    "IpRule",
    "JobRun",
    "Membership",
    "Notice",
    "Preference",
    "Provider",
    "ProviderActivity",
    "RefusedCalls",
    "RemovalLimit",
    "RequestCount",
    "RequestLog",
    "Resource",
    "SavedFilter",
    "SchemaExtension",
    "SourceSeen",
    "Status",
    "SyncedGroup",
    "SyncedUser",
    "Token",
    "TokenState",
    "like_words",
    "synced_user_model",
]
