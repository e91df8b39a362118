--- @include "lead_on"
--- @include "used_keys"
-- Takes everything that is buffered under a key, as one JSON array for the job that is its batch; nil for nothing.
local function take_buffer(base, key, id)
  local at = base .. ':collect:' .. key
  local items = redis.call('LRANGE', at .. ':items', 0, -1)
  local batch = redis.call('GET', at .. ':batch')
  if #items == 0 then
    if redis.call('GET', at .. ':job') == id then redis.call('DEL', at .. ':job') end
    if batch == id then redis.call('DEL', at .. ':batch') end
    return nil
  end
  -- The others' producers replace a batch's job at each push, and ours may have told its items the earlier id.
  if batch and batch ~= id then lead_on(base, batch, id, 3600000) end
  redis.call('DEL', at .. ':items', at .. ':meta', at .. ':job', at .. ':batch')
  unlist(base, 'collect', key)
  return '[' .. table.concat(items, ',') .. ']'
end

-- Turns the job that stands for a buffer into its batch; returns its payload, nil when the buffer is empty.
local function fill_batch(base, key, id)
  local data = take_buffer(base, key, id)
  if data then redis.call('HSET', base .. ':' .. id, 'data', data) end
  redis.call('HDEL', base .. ':' .. id, 'collectKey')
  return data
end
