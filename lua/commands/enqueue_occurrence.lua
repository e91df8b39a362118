-- Stores the job of a schedule's occurrence, unless this one or a later one was stored before.
-- KEYS: base   ARGV: schedule, occurrence ms, version, maxAttempts, id, data, ttl, index ("" for none)
-- Returns: 1 stored, 0 refused   Events: waiting
--- @include "clock"
--- @include "store_job"
local base, schedule, at = KEYS[1], ARGV[1], tonumber(ARGV[2])
local last = tonumber(redis.call('HGET', base .. ':fires', schedule))
if last and last >= at then return 0 end
redis.call('HSET', base .. ':fires', schedule, ARGV[2])
local now = now_ms()
store_job(base, ARGV[5], now, ARGV[3], ARGV[4], ARGV[6], 0, 0, tonumber(ARGV[7]))
if ARGV[8] ~= '' then
  --- @include "index"
  index_job(base, ARGV[5], ARGV[8], now, 0)
end
wake(base)
return 1
