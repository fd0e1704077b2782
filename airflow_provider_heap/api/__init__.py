"""Heap's contract: the three objects with their limits, the environment written to, the client and its pace."""
