"""Stand-in ERP servers: they speak a vendor's own protocol, keep books in memory, and fail when told to."""
