"""Runs on the simulated machines, their netlists and their golden models: one record each."""
