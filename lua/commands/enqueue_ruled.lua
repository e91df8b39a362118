-- Stores jobs of one task whose keys decide what becomes of them: debounced, throttled, deduplicated or collected.
-- KEYS: base
-- ARGV: producer, number, version, maxAttempts, then of each job: id, data, options, rule, key, the rule's settings;
--       options: "delay,priority,ttl,sent" (sent: 1 if an earlier call may have brought it), and what write_rest reads
--       behind it
-- Returns: "" when all were stored under their own ids, else a JSON array with a text for each: "" stored, "!"
--          throttled, "=ID" a duplicate of that job, "+ID" collected for that job, "xWHY" refused: a key is damaged
-- Events: waiting, delayed, debounced, collect
--- @include "clock"
--- @include "sent"
--- @include "debounce"
--- @include "throttle"
--- @include "deduplicate"
--- @include "collect"
local base, version, max_attempts = KEYS[1], ARGV[3], ARGV[4]
local repeated = reply_sent(base, ARGV[1], ARGV[2])
if repeated then return repeated end

local now, immediate, first_due = now_ms(), false, nil

local function store(id, data, delay, priority, ttl)
  store_job(base, id, now, version, max_attempts, data, delay, priority, ttl)
  if delay == 0 then immediate = true elseif not first_due or delay < first_due then first_due = delay end
end

local rules = {}

function rules.debounce(id, data, _, priority, ttl, key, settings)
  local delay = tonumber(settings)
  debounce(base, id, now, version, max_attempts, data, priority, ttl, key, delay)
  if not first_due or delay < first_due then first_due = delay end
  return ''
end

function rules.throttle(id, data, delay, priority, ttl, key, settings)
  local max, window = string.match(settings, '^(%d+),(%d+)$')
  if not admit(base, key, tonumber(max), window, now) then return '!' end
  store(id, data, delay, priority, ttl)
  return ''
end

function rules.deduplicate(id, data, delay, priority, ttl, key, settings)
  local holder = base .. ':dedup:' .. key
  local existing = holder_of(holder, base, settings)
  if existing then return '=' .. existing end
  store(id, data, delay, priority, ttl)
  redis.call('HSET', base .. ':' .. id, 'dedupKey', holder)
  redis.call('SET', holder, id)
  list_held(base, 'dedup', key, now)
  return ''
end

function rules.collect(id, data, _, _, _, key, settings)
  local fresh, delay, max_size, max_wait, max_bytes = string.match(settings, '^([^,]+),(%d+),(%d+),(%d+),(%d+)$')
  local batch, queued = collect(base, fresh, now, version, max_attempts, data, key, tonumber(delay),
    tonumber(max_size), tonumber(max_wait), tonumber(max_bytes))
  immediate = immediate or queued
  -- Whoever sends it again, because its loop ended before the answer, finds it here: the item has no hash of its own.
  redis.call('SET', base .. ':item:' .. id, batch, 'PX', 60000)
  return '+' .. batch
end

local function earlier(id)
  local batch = redis.call('GET', base .. ':item:' .. id)
  if batch then return '+' .. batch end
  if id_taken(base, id) or redis.call('EXISTS', base .. ':into:' .. id) == 1 then return '' end
  return nil
end

local verdicts, told = {}, false
for at = 5, #ARGV, 6 do
  local id, rule = ARGV[at], ARGV[at + 3]
  local delay, priority, ttl, sent = string.match(ARGV[at + 2], '^(%d+),(%d+),(%d+),(%d)')
  local verdict = sent == '1' and earlier(id) or nil
  if not verdict then
    local ran
    ran, verdict = pcall(rules[rule], id, ARGV[at + 1], tonumber(delay), priority, tonumber(ttl), ARGV[at + 4],
      ARGV[at + 5])
    if not ran then
      -- A damaged key must not cost the others of this call.
      if type(verdict) == 'table' then note_damage(rule, verdict) end
      verdict = 'x' .. reason(verdict)
    end
    if verdict == '' then write_rest(base, id, ARGV[at + 2], now) end
  end
  verdicts[#verdicts + 1] = verdict
  told = told or verdict ~= ''
end
if immediate then wake(base) elseif first_due then wake_at(base, now + first_due) end

local reply = told and cjson.encode(verdicts) or ''
remember_sent(base, ARGV[1], ARGV[2], reply)
return reply
