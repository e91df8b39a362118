-- The job that holds a deduplication key in one of the states, a text with commas around each; nil when none does.
-- A job between two attempts counts as active.
local function holder_of(holder, base, states)
  local id = redis.call('GET', holder)
  if not id then return nil end
  local state = redis.call('HGET', base .. ':' .. id, 'state')
  if state == 'retrying' then state = 'active' end
  if state and string.find(states, ',' .. state .. ',', 1, true) then return id end
  return nil
end
