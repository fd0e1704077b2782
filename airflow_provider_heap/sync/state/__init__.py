"""What Heap holds already: in a table of the user's own, so that only new and changed rows are sent."""
