"""The benchmark's own parts that can be wrong: ratios, tables, what it starts and ends."""
