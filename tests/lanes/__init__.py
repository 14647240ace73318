"""The two lanes side by side: what one does with a client's bytes, the other does too."""
