"""Measurements that a person runs; they print numbers and judge nothing."""
