"""The three sync operators."""
