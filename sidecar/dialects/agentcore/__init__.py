"""Bedrock AgentCore: agents and their memory, with Amazon's own SDKs as the clients."""
