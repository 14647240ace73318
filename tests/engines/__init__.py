"""Engines that others wrote, unmodified, behind the sidecar."""
