"""Faults on purpose: rules say which, where and how often; the same rules for a running node and for a simulation."""
