"""Customers, products and contracts from a CSV file, by a column map. All of the file or nothing."""
