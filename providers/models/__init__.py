"""The tables. `Provider` and its credentials, the directory that it fills, and what happened."""

from providers.models.directory import Membership, Resource, SyncedGroup, SyncedUser, synced_user_model
from providers.models.preference import SavedFilter
from providers.models.provider import IpMode, IpRule, Provider, SchemaExtension, Token
from providers.models.record import Action, ChangeEvent, Outcome, Refusal, RefusedCalls, RequestLog, first_id_at

__all__ = [
    "Action",
    "ChangeEvent",
    "IpMode",
    "IpRule",
    "Membership",
    "Outcome",
    "Provider",
    "Refusal",
    "RefusedCalls",
    "RequestLog",
    "Resource",
    "SavedFilter",
    "SchemaExtension",
    "SyncedGroup",
    "SyncedUser",
    "Token",
    "first_id_at",
    "synced_user_model",
]
