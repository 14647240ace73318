"""Several engines behind one sidecar: placement, faults, loss."""
