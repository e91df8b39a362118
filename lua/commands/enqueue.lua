-- Stores jobs of one task. A producer numbers its calls; the last one that was applied answers again as it did.
-- KEYS: base
-- ARGV: producer, number, version, maxAttempts, then id, data, options of each job;
--       options: "" or "delay,priority,ttl,given", and what write_rest reads behind it
-- Returns: a text with 1 for each stored job and 0 for each whose id was taken; "" when all were stored
-- Events: waiting, delayed
--- @include "clock"
--- @include "sent"
--- @include "store_job"
local base, version, max_attempts = KEYS[1], ARGV[3], ARGV[4]
local repeated = reply_sent(base, ARGV[1], ARGV[2])
if repeated then return repeated end

local now, plain, flags, refused = now_ms(), {}, {}, false
local stamp = as_text(now)
local immediate, first_due = false, nil

local function queue_plain()
  for first = 1, #plain, 1000 do
    local queued = redis.pcall('LPUSH', base .. ':wait', unpack(plain, first, math.min(first + 999, #plain)))
    if type(queued) == 'table' then
      for at = first, #plain do redis.call('UNLINK', base .. ':' .. plain[at]) end
      return error(queued)
    end
  end
  immediate = immediate or #plain > 0
  plain = {}
end

for at = 5, #ARGV, 3 do
  local id, data, options = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local flag = '1'
  if options == '' then
    redis.call('HSET', base .. ':' .. id, 'ts', stamp, '_v', version, 'attempt', '1', 'maxAttempts', max_attempts,
      'state', 'waiting', 'priority', '0', 'data', data)
    emit(base, 'waiting', id)
    plain[#plain + 1] = id
  else
    local delay, priority, ttl, given = string.match(options, '^(%d+),(%d+),(%d+),(%d)')
    delay = tonumber(delay)
    if given == '1' and id_taken(base, id) then
      flag, refused = '0', true
    else
      queue_plain()
      store_job(base, id, now, version, max_attempts, data, delay, priority, tonumber(ttl))
      write_rest(base, id, options, now)
      if given == '1' then redis.call('HSET', base .. ':' .. id, 'given', 1) end
      if delay == 0 then immediate = true elseif not first_due or delay < first_due then first_due = delay end
    end
  end
  flags[#flags + 1] = flag
end
queue_plain()
if immediate then
  wake(base)
elseif first_due then
  wake_at(base, now + first_due)
end

local reply = refused and table.concat(flags) or ''
remember_sent(base, ARGV[1], ARGV[2], reply)
return reply
