"""A stand-in for Zoho Books: its accounts server and version 3 of its API, strict to its published contract."""
