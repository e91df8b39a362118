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
local now, owed, lost, broken, unclaimed = now_ms(), {}, {}, {}, {}
local stamp = as_text(now)

local function told(base)
  return 'task ' .. string.match(base, '{([^{}]*)}$')
end

if outcomes > 0 then
  local call = { root = root, now = now, stamp = stamp, locks = {}, totals = {}, freed = {}, owed = owed }
  local returned, names = {}, {}
  local function read_locks()
    for n, lock in ipairs(redis.call('MGET', unpack(names))) do call.locks[string.sub(names[n], 1, -6)] = lock end
    names = {}
  end
  local function settle_at(at)
    local base, id = KEYS[tonumber(ARGV[at])], ARGV[at + 1]
    unclaimed[base] = true
    -- A key of the wrong kind among a job's own must not cost the others of this call.
    local ran, held = pcall(settle, call, base, id, ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5],
      ARGV[at + 6])
    if not ran then
      broken[#broken + 1] = 'the outcome of ' .. told(base) .. ' job ' .. id .. ' is not written: ' .. reason(held)
    elseif not held then
      lost[#lost + 1] = id
    end
  end
  for at = 9, 8 + outcomes * 7, 7 do
    names[#names + 1] = KEYS[tonumber(ARGV[at])] .. ':' .. ARGV[at + 1] .. ':lock'
    if #names == 1000 then read_locks() end
  end
  if #names > 0 then read_locks() end
  for at = 9, 8 + outcomes * 7, 7 do
    if ARGV[at + 4] == 'return' then returned[#returned + 1] = at else settle_at(at) end
  end
  -- Each goes to the front: the first of them must go there last.
  for n = #returned, 1, -1 do settle_at(returned[n]) end
  write_completed(call.totals, now, stamp)
  finish_release(call.freed)
end

local first_due, fence, out = -1, '', { now, 0, 0, 0, 0, 0 }
for at = 9 + outcomes * 7, 8 + outcomes * 7 + wants * 4, 4 do
  local number = tonumber(ARGV[at])
  local base = KEYS[number]
  unclaimed[base] = nil
  local refusal = fenced(base, worker, connection, epoch)
  if refusal ~= '' then
    fence = refusal
    rearm(base)
  else
    local want = { count = tonumber(ARGV[at + 1]), discard = ARGV[at + 2] == '1', singleton = ARGV[at + 3] == '1' }
    local ran, due = pcall(claim, number, base, root, now, stamp, token, ttl, want, out, owed)
    if not ran then
      broken[#broken + 1] = 'a claim of ' .. told(base) .. ' ended early: ' .. reason(due)
      due = -1
    end
    if due >= 0 and (first_due < 0 or due < first_due) then first_due = due end
  end
end
-- Others of a singleton task sleep until its one job has ended.
for base in pairs(unclaimed) do rearm(base) end
tell_damage(broken)
out[2], out[3], out[4], out[5], out[6] = first_due, fence, #out - 6, #lost, #owed
for _, list in ipairs({ lost, owed, broken }) do
  for _, value in ipairs(list) do out[#out + 1] = value end
end
return out
