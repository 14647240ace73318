"""The express lane: plain requests relayed by protocols, without a task or a timer of their own.

It follows the same plans, store and byte rules as the aiohttp lane, and hands that lane every
connection whose next request is not plain.
"""
