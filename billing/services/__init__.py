"""The verbs: what people and systems do with contracts, invoices and payments. One noun a file."""
