-- A worker's round trip: writes outcomes and claims into free slots.
-- KEYS: the bases of the tasks involved
-- ARGV: root, worker, connection, epoch, token, lock ttl ms, number of outcomes, number of wants,
--       outcomes: base number, id, token, processedOn, verb, payload, meta JSON (delay, type, trace) or ""
--       wants: base number, count, 1 to discard expired jobs, 1 if at most one of the task may be active
-- Returns, in one flat list, since a nested one costs the server as much as three commands:
--          now, ms until the next delayed job (-1: none), fence ("", "halt", "dead", "stale"), three numbers: of values
--          of jobs, of lost outcomes, of workflows; then the jobs (see claim), ids of lost outcomes, workflows to
--          continue, and what was refused because of damaged keys, as text
-- Events: all of a job's end, retrying, waiting, delayed, promoted, active
--- @include "clock"
--- @include "settle"
--- @include "claim"
local root, worker, connection, epoch = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local token, ttl, outcomes, wants = ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local now, owed, lost, broken = now_ms(), {}, {}, {}
local stamp = as_text(now)
local first_want = 9 + outcomes * 7

local function told(base)
  return 'task ' .. string.match(base, '{([^{}]*)}$')
end

-- Returns the locks of the outcomes' jobs, in order.
local function read_locks()
  local names, locks = {}, nil
  for at = 9, first_want - 1, 7 do
    names[#names + 1] = KEYS[tonumber(ARGV[at])] .. ':' .. ARGV[at + 1] .. ':lock'
  end
  for first = 1, #names, 1000 do
    local some = redis.call('MGET', unpack(names, first, math.min(first + 999, #names)))
    if locks then
      for _, lock in ipairs(some) do locks[#locks + 1] = lock end
    else
      locks = some
    end
  end
  return locks
end

local function settle_at(at, call, lock)
  local base, id = KEYS[tonumber(ARGV[at])], ARGV[at + 1]
  -- A key of the wrong kind among a job's own must not cost the others of this call.
  local ran, written = pcall(settle, call, base, id, lock, ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5],
    ARGV[at + 6])
  if not ran then
    broken[#broken + 1] = 'the outcome of ' .. told(base) .. ' job ' .. id .. ' is not written: ' .. reason(written)
  elseif not written then
    lost[#lost + 1] = id
  end
end

if outcomes > 0 then
  local call = { root = root, now = now, stamp = stamp, freed = {}, owed = owed, had = {}, completed = {} }
  local locks, returned = read_locks(), 0
  for n = 1, outcomes do
    local at = n * 7 + 2
    if ARGV[at + 4] == 'return' then returned = returned + 1 else settle_at(at, call, locks[n]) end
  end
  -- Each goes to the front: the first of them must go there last.
  for n = outcomes, returned > 0 and 1 or outcomes + 1, -1 do
    local at = n * 7 + 2
    if ARGV[at + 4] == 'return' then settle_at(at, call, locks[n]) end
  end
  write_completed(call.completed, now)
  finish_release(call.freed)
end

local first_due, fence, out, claimed = -1, '', { now, 0, 0, 0, 0, 0 }, {}
for at = first_want, first_want + wants * 4 - 1, 4 do
  local number = tonumber(ARGV[at])
  local base = KEYS[number]
  local refusal = fenced(base, worker, connection, epoch)
  claimed[number] = refusal == ''
  if refusal ~= '' then
    fence = refusal
  else
    local ran, due = pcall(claim, number, base, root, now, stamp, token, ttl, tonumber(ARGV[at + 1]),
      ARGV[at + 2] == '1', ARGV[at + 3] == '1', out, owed)
    if not ran then
      broken[#broken + 1] = 'a claim of ' .. told(base) .. ' ended early: ' .. reason(due)
      due = -1
    end
    if due >= 0 and (first_due < 0 or due < first_due) then first_due = due end
  end
end
for number, base in ipairs(KEYS) do
  -- Others of a singleton task sleep until its one job has ended.
  if not claimed[number] then rearm(base) end
end
tell_damage(broken)
out[2], out[3], out[4], out[5], out[6] = first_due, fence, #out - 6, #lost, #owed
for _, id in ipairs(lost) do out[#out + 1] = id end
for _, workflow in ipairs(owed) do out[#out + 1] = workflow end
for _, why in ipairs(broken) do out[#out + 1] = why end
return out
