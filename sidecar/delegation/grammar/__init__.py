"""What a preset may say, read and checked once at start; nothing here talks to anybody."""
