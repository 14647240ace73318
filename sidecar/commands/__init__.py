"""Commands for a sidecar that runs already: they speak its admin API and nothing else."""
