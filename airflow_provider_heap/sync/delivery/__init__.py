"""From items to Heap: batches, threads, requests, and what becomes of each item."""
