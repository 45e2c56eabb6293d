"""Connectors: one package per ERP, each behind the protocol of `connectors.base`."""
