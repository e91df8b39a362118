--- @include "clock"
-- Members of a set of ended things that retention no longer keeps, the oldest first.
-- age: ms (-1: none)   items: how many are kept (-1: all)   young: ms below which the count takes none
local function outdated(set, age, items, young, limit)
  local now, ids = now_ms(), {}
  if age >= 0 then ids = redis.call('ZRANGE', set, '-inf', now - age, 'BYSCORE', 'LIMIT', 0, limit) end
  if items >= 0 and #ids < limit then
    local excess = math.min(redis.call('ZCARD', set) - items, limit)
    if excess > #ids then
      local more = redis.call('ZRANGE', set, '-inf', now - young, 'BYSCORE', 'LIMIT', 0, excess)
      if #more > #ids then ids = more end
    end
  end
  return ids
end
