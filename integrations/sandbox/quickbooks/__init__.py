"""QuickBooks Online as its API behaves, as far as the connector can notice."""
