"""Measurements of the ERP sync against the stand-in servers: under chaos, and at the vendors' limits."""
