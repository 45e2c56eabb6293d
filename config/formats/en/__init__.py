"""English dates on pages."""
