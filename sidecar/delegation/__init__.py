"""Sessions that the engine itself keeps: its own session API, called as a preset says."""
