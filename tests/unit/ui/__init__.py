"""The page Heap: what its routes answer, and to whom."""
