--- @include "attempt"
-- Has those of a task's listed keys forgotten that are free: the end of a window has no event, and others end jobs
-- without a look at the lists. Of many keys each run takes some, those that were seen longest ago.
local function forget_ended(used, now)
  local free = attempt('ZRANGE', used, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1000) or {}
  if #free > 0 then redis.call('ZREM', used, unpack(free)) end
end

local function forget_free(base, used, now, suffix, of)
  for _, key in ipairs(attempt('ZRANGE', used, 0, 199) or {}) do
    if redis.call('EXISTS', base .. of .. key .. suffix) == 1 then
      redis.call('ZADD', used, now, key)
    else
      redis.call('ZREM', used, key)
    end
  end
end

local function mend_rules(base, now)
  local rules = base .. ':rules:'
  if redis.call('EXISTS', rules .. 'debounce', rules .. 'throttle', rules .. 'dedup', rules .. 'collect') == 0 then
    return
  end
  forget_ended(rules .. 'debounce', now)
  forget_ended(rules .. 'throttle', now)
  forget_free(base, rules .. 'dedup', now, '', ':dedup:')
  forget_free(base, rules .. 'collect', now, ':items', ':collect:')
end
