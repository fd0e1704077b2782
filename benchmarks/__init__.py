"""What a row costs, ours and others': ``make bench``, or ``python -m benchmarks race`` (parts, sizes)."""
