"""The image, really built and run, without a container engine."""
