local middles = {} -- by list: one look at its ends serves all ids of a call

-- Takes an id out of a list whose newest ids stand at its head: looks for it from the nearer end, by a time of the job
-- and the field in which jobs have it. Returns how many were taken.
local function remove_near(list, base, id, field, ms, length)
  local from = '-1'
  if length > 128 then
    if not middles[list] then
      local oldest = redis.pcall('HGET', base .. ':' .. redis.call('LINDEX', list, -1), field)
      local newest = redis.pcall('HGET', base .. ':' .. redis.call('LINDEX', list, 0), field)
      middles[list] = ((tonumber(oldest) or 0) + (tonumber(newest) or 0)) / 2
    end
    if (tonumber(ms) or 0) > middles[list] then from = '1' end
  end
  return redis.call('LREM', list, from, id)
end
