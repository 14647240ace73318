"""What is promised of sessions, and of the stores that keep them."""
