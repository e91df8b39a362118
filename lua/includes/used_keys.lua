--- @include "attempt"
-- Lists the keys that a rule has in use, for whoever looks: base:rules:RULE, a set by the time at which each is free
-- again, or, where that is the end of a job, by the time at which it was seen in use.
local function list_timed(base, rule, key, now, ms)
  local used = base .. ':rules:' .. rule
  if not attempt('ZADD', used, now + ms, key) then return end
  -- Two that are free for each that is added: it shrinks to what is in use.
  local free = redis.call('ZRANGE', used, '-inf', now, 'BYSCORE', 'LIMIT', 0, 2)
  if #free > 0 then redis.call('ZREM', used, unpack(free)) end
  if redis.call('PEXPIRE', used, ms, 'NX') == 0 then redis.call('PEXPIRE', used, ms, 'GT') end
end

local function list_held(base, rule, key, now)
  attempt('ZADD', base .. ':rules:' .. rule, now, key)
end

local function unlist(base, rule, key)
  attempt('ZREM', base .. ':rules:' .. rule, key)
end
