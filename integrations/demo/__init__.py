"""The demo: two invented companies, a quarter of business, and a stand-in ERP for each."""
