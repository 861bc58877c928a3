"""The tables. `Provider` and its credentials, the directory that it fills, and what happened."""

from providers.models.directory import Membership, Resource, SyncedGroup, SyncedUser, synced_user_model
from providers.models.provider import IpMode, IpRule, Provider, SchemaExtension, Token
from providers.models.record import ChangeEvent, RefusedCalls, RequestLog

__all__ = [
    "ChangeEvent",
    "IpMode",
    "IpRule",
    "Membership",
    "Provider",
    "RefusedCalls",
    "RequestLog",
    "Resource",
    "SchemaExtension",
    "SyncedGroup",
    "SyncedUser",
    "Token",
    "synced_user_model",
]
