"""The tables. `Provider` and its credentials, the directory that it fills, and what happened."""

from providers.models.directory import Membership, Resource, SyncedGroup, SyncedUser, synced_user_model
from providers.models.provider import RECYCLE_BIN_DAYS, TEST_PREFIX, IpMode, IpRule, Provider, SchemaExtension, Token
from providers.models.record import (
    ChangeEvent,
    ProviderActivity,
    RefusedCalls,
    RequestCount,
    RequestLog,
    SourceSeen,
)

__all__ = [
    "RECYCLE_BIN_DAYS",
    "TEST_PREFIX",
    "ChangeEvent",
    "IpMode",
    "IpRule",
    "Membership",
    "Provider",
    "ProviderActivity",
    "RefusedCalls",
    "RequestCount",
    "RequestLog",
    "Resource",
    "SchemaExtension",
    "SourceSeen",
    "SyncedGroup",
    "SyncedUser",
    "Token",
    "synced_user_model",
]
