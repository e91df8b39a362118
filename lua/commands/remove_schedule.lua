-- Deletes a schedule.
-- KEYS: schedules   ARGV: name   Returns: 1 deleted, 0 there was none
redis.call('ZREM', KEYS[1] .. ':next', ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
