"""The REST API: what every resource shares, and billing's resources, one a file. Views translate; services do."""
