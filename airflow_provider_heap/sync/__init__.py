"""What happens to a row between the model and Heap's acknowledgement."""
