"""One renderer per format; each takes a finished report and knows nothing of any single one."""
