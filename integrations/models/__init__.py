"""Integrations' tables, one subject a file."""

from integrations.models.archive import ExportedDocument, ExportFile, ReportedDocument, ReportUpload
from integrations.models.connection import Connection, ConnectionStatus, OAuthState, SyncMode, ThrottleGate
from integrations.models.mapping import (
    DimensionMapping,
    DimensionOf,
    ErpRecord,
    Mapping,
    MappingKind,
    MappingOrigin,
    MappingStatus,
    RecordKind,
)
from integrations.models.noticed import NoticedChange
from integrations.models.outbox import UNDELIVERED, DeliveryAttempt, OutboxItem, OutboxState
from integrations.models.reconciliation import Reconciliation
from integrations.models.reference import ExternalReference
from integrations.models.summary import JournalSummary, SummarizedEntry
from integrations.models.warning import ConnectionWarning
from integrations.models.worker import WorkerBeat

__all__ = [
    "UNDELIVERED",
    "Connection",
    "ConnectionStatus",
    "ConnectionWarning",
    "DeliveryAttempt",
    "DimensionMapping",
    "DimensionOf",
    "ErpRecord",
    "ExportFile",
    "ExportedDocument",
    "ExternalReference",
    "JournalSummary",
    "Mapping",
    "MappingKind",
    "MappingOrigin",
    "MappingStatus",
    "NoticedChange",
    "OAuthState",
    "OutboxItem",
    "OutboxState",
    "Reconciliation",
    "RecordKind",
    "ReportUpload",
    "ReportedDocument",
    "SummarizedEntry",
    "SyncMode",
    "ThrottleGate",
    "WorkerBeat",
]
