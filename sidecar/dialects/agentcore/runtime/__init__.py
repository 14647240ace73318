"""AgentCore's runtime: turns of sessions with an unmodified agent behind the sidecar."""
