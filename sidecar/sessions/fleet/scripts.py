"""What the server does in one step: a script for each operation, on the server's own clock."""

from sidecar.sessions.fleet.script import Script, of_session

# Who took over to tell of an end, and has not done it by then, was killed.
TELLING_US = 30_000_000
LEASE_MS = 4_000

# id, token, life and idle time in us, owner, state, maximum, whether ends are told of.
# -1: a live one has the id; -2: the maximum is reached.
OPEN = of_session("""
local ttl, idle, max = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[7])
if is_live() then return -1 end
local former = false
if redis.call('EXISTS', RECORD) == 1 then
  local said, old = retire(ARGV[8] == '1' and 0)
  if not said then former = old end
end
if max and count() >= max then return -2 end
local latest = math.floor((now + ttl) / 1000000) * 1000000
local ends = latest
if idle then ends = math.min(latest, now + idle) end
redis.call('HSET', RECORD, 'token', ARGV[2], 'created', num(now), 'end', num(ends),
  'latest', num(latest), 'idle', ARGV[4], 'owner', ARGV[5], 'state', ARGV[6], 'size', 0)
redis.call('ZADD', ENDS, num(ends), id)
redis.call('ZADD', IDS, 0, id)
keep_until(ends)
return {num(now), num(ends), count(), former}
""")

_OF_OWNER = """
local found = redis.call('HMGET', RECORD, 'created', 'end', 'owner', 'state', 'idle', 'latest')
if not (found[2] and tonumber(found[2]) > now) then return false end
if ARGV[2] ~= '' and ARGV[2] ~= '=' .. string.sub(found[3], 2) then return false end
"""

# id, "=" and owner or nothing, whether to touch. Nothing: there is no such session.
GET = of_session(
    _OF_OWNER
    + """
local idle = tonumber(found[5])
if ARGV[3] == '1' and idle then
  local ends = math.min(tonumber(found[6]), now + idle)
  found[2] = num(ends)
  redis.call('HSET', RECORD, 'end', found[2])
  redis.call('ZADD', ENDS, found[2], id)
  keep_until(ends)
end
return {found[1], found[2], found[3], found[4]}
"""
)

# id, "=" and owner or nothing.
CLOSE = of_session(_OF_OWNER + "take_away() return {count(), age(found[1], now)}")

# id, whether ends are told of. Nothing: it lives, or is not there. A number, its age: there is
# nothing to tell.
EXPIRE = of_session(f"""
if is_live() then return false end
if redis.call('EXISTS', RECORD) == 0 then take_away() return false end
local said, old = retire(ARGV[2] == '1' and num(now + {TELLING_US}))
return said or old
""")

_LIVE = "if not is_live() then return -1 end\n"

STATE = of_session(_LIVE + "return redis.call('HGET', RECORD, 'state')")
SAVE = of_session(_LIVE + "redis.call('HSET', RECORD, 'state', ARGV[2]) return 1")

# id, largest size, events. A negative number: the size that was too large.
APPEND = of_session(
    _LIVE
    + """
local size = tonumber(redis.call('HGET', RECORD, 'size'))
for i = 3, #ARGV do size = size + #ARGV[i] + 2 end
if size > tonumber(ARGV[2]) then return -size end
-- unpack has room for some thousands.
for i = 3, #ARGV, 1000 do
  redis.call('RPUSH', EVENTS, unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('HSET', RECORD, 'size', size)
keep_until(tonumber(redis.call('HGET', RECORD, 'end')))
return 1
"""
)
LOG = of_session(_LIVE + "return redis.call('LRANGE', EVENTS, 0, -1)")

# id, how many.
DROP = of_session(
    _LIVE
    + """
local count, size = tonumber(ARGV[2]), tonumber(redis.call('HGET', RECORD, 'size'))
if count < 1 then return 1 end
for _, event in ipairs(redis.call('LRANGE', EVENTS, 0, count - 1)) do size = size - #event - 2 end
redis.call('LTRIM', EVENTS, count, -1)
redis.call('HSET', RECORD, 'size', size)
return 1
"""
)

# id, key, value, largest number of keys. -2: there are as many.
PUT = of_session(
    _LIVE
    + """
if redis.call('HEXISTS', DATA, ARGV[2]) == 0 and redis.call('HLEN', DATA) >= tonumber(ARGV[4]) then
  return -2
end
redis.call('HSET', DATA, ARGV[2], ARGV[3])
keep_until(tonumber(redis.call('HGET', RECORD, 'end')))
return 1
"""
)
VALUE = of_session(_LIVE + "return {redis.call('HGET', DATA, ARGV[2])}")
DELETE = of_session(_LIVE + "return redis.call('HDEL', DATA, ARGV[2])")
DATA_KEYS = of_session(_LIVE + "return redis.call('HKEYS', DATA)")

# id, token of the lease. Nothing: somebody has it. Else the session's own token.
LEND = of_session(
    _LIVE
    + f"""
if not redis.call('SET', LEASE, ARGV[2], 'NX', 'PX', {LEASE_MS}) then return false end
return redis.call('HGET', RECORD, 'token')
"""
)

# id, token of the lease, token of the session it is for.
RENEW = of_session(f"""
if redis.call('GET', LEASE) == ARGV[2] then return redis.call('PEXPIRE', LEASE, {LEASE_MS}) end
-- It ran out while the server could not be reached; nobody else came.
if not is_live() or redis.call('HGET', RECORD, 'token') ~= ARGV[3] then return 0 end
return redis.call('SET', LEASE, ARGV[2], 'NX', 'PX', {LEASE_MS}) and 1 or 0
""")

RETURN = of_session("if redis.call('GET', LEASE) == ARGV[2] then redis.call('DEL', LEASE) end")

_DUE = """
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
"""

# KEYS: ends, late. ARGV: how many of each. What has expired, what nobody told of, live sessions.
DUE = Script(
    _DUE
    + """
return {redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1]),
  redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1]),
  redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')}
"""
)

# KEYS: late, said. ARGV: a name. Nothing: another sidecar tells of it. Whether it is the first one.
CLAIM = Script(
    _DUE
    + f"""
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) > tonumber(now) then return false end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + {TELLING_US}), ARGV[1])
return {{redis.call('HGET', KEYS[2], ARGV[1]), due == '0' and 1 or 0}}
"""
)
TOLD = Script("redis.call('ZREM', KEYS[1], ARGV[1]) redis.call('HDEL', KEYS[2], ARGV[1]) return 1")

# KEYS: records. Each that lives: created, end, owner, state.
SHOW = Script(
    _DUE
    + """
local found = {}
for i, record in ipairs(KEYS) do
  local each = redis.call('HMGET', record, 'created', 'end', 'owner', 'state')
  found[i] = each[2] and tonumber(each[2]) > tonumber(now) and each
end
return found
"""
)
