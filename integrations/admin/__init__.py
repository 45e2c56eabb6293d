"""The pages about the ERP, one subject a file."""

from integrations.admin import connections, mappings, outbox, reconciliations, sections, summaries, workers

__all__ = ["connections", "mappings", "outbox", "reconciliations", "sections", "summaries", "workers"]
