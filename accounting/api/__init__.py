"""The books over the REST API: read only, one resource a file."""
