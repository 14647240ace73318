"""A script as the server knows it, and the words that each one begins with that is about a session.

Scripts replicate their effects (the default since Redis 5), so a replica never asks for the time.
Numbers are put in words by `num`: Lua's own way turns 1.8e15 into "1.8e+15".
"""

import hashlib
from dataclasses import dataclass, field

# A record outlives its session by this much, so that somebody can be told of its end.
GRACE_MS = 3_600_000

_BEGIN = f"""
local RECORD, EVENTS, DATA, LEASE = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ENDS, IDS, LATE, SAID = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local id = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function num(n) return string.format('%.0f', n) end

local function is_live()
  local ends = redis.call('HGET', RECORD, 'end')
  return ends and tonumber(ends) > now
end

local function count()
  return redis.call('ZCOUNT', ENDS, '(' .. num(now), '+inf')
end

-- Of the lists too: nothing is left of a fleet that was taken down.
local function keep_until(ends)
  local ms = math.ceil(ends / 1000)
  redis.call('PEXPIREAT', RECORD, num(ms + {GRACE_MS}))
  redis.call('PEXPIREAT', EVENTS, num(ms))
  redis.call('PEXPIREAT', DATA, num(ms))
  for _, list in ipairs({{ENDS, IDS, LATE, SAID}}) do
    if redis.call('PTTL', list) < ms - now / 1000 + {GRACE_MS} then
      redis.call('PEXPIREAT', list, num(ms + {GRACE_MS}))
    end
  end
end

local function take_away()
  redis.call('DEL', RECORD, EVENTS, DATA, LEASE)
  redis.call('ZREM', ENDS, id)
  redis.call('ZREM', IDS, id)
end

-- In whole microseconds; -1 where somebody has damaged what was kept of it.
local function age(created, ends)
  created, ends = tonumber(created), tonumber(ends)
  return created and ends and math.max(0, ends - created) or -1
end

-- What has expired, if somebody is to be told of it: due is when another sidecar may do that.
-- With its age then.
local function retire(due)
  local found = redis.call('HMGET', RECORD, 'token', 'created', 'end', 'owner', 'state')
  local said = false
  if found[1] and due then
    local name = id .. '~' .. found[1]
    said = cjson.encode({{name, id, found[2], found[3], found[4], found[5]}})
    redis.call('HSET', SAID, name, said)
    redis.call('ZADD', LATE, due, name)
    redis.call('PEXPIRE', LATE, {24 * GRACE_MS})
    redis.call('PEXPIRE', SAID, {24 * GRACE_MS})
  end
  take_away()
  return said, age(found[2], found[3])
end
"""


@dataclass(frozen=True, slots=True)
class Script:
    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        )


def of_session(text: str) -> Script:
    return Script(_BEGIN + text)
