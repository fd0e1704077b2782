"""The file of the rows that did not arrive: written by a run, read to send them again."""
