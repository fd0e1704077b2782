"""
Chaos: real syncs that are killed, frozen and lied to, whose outcome is compared with the source, cell by cell.

Everything that happens is chosen by a seed. ``python -m tests.chaos --seed 7`` repeats it, as far as timing allows.
"""
