"""From the rows of a model to items."""
