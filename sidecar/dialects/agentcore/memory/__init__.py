"""The memory data plane: events, sessions and actors, and the records that users write."""
