"""Documents on paper: fonts, sheets, and what an invoice or a credit note looks like. Nothing here changes anything."""
