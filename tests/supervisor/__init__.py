"""The engine as a child: how it may end, and what is left then."""
