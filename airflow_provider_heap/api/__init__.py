"""Heap's contract: its objects with their limits, the environment, and the client with its rate limiter and retries."""
