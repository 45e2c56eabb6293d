"""A stand-in for Xero: the Accounting API 2.0, its sign-in, and one organisation's books in memory."""
