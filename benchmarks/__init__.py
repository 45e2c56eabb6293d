"""Measurements as ratios against a floor in the same run, on a database of their own. `make bench`."""
