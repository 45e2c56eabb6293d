"""A stand-in for NetSuite's SuiteTalk REST web services."""
