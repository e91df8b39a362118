-- Has what is collected under a key be a batch at once.
-- KEYS: base   ARGV: producer, number, key   Returns: a text with the number of items   Events: waiting
--- @include "clock"
--- @include "collect"
--- @include "sent"
local base, key = KEYS[1], ARGV[3]
local repeated = reply_sent(base, ARGV[1], ARGV[2])
if repeated then return repeated end
local count = redis.call('LLEN', base .. ':collect:' .. key .. ':items')
local id, state = find_batch(base, key, redis.call('GET', base .. ':collect:' .. key .. ':batch'))
if count > 0 and state then
  flush_buffer(base, key, id, state, now_ms())
  wake(base)
else
  count = 0 -- without a job that stands for it, the next item has to bring one
end
remember_sent(base, ARGV[1], ARGV[2], count)
return tostring(count)
