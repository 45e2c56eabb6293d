"""What the books say: read-only, set-based, in base currency."""
