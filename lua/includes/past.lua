local MOST_ATTEMPTS, MOST_BYTES, MOST_READ = 20, 500, 262144

-- Cuts a text between two characters; true as well when something is gone.
local function cut(text, most)
  if #text <= most then return text end
  local last = most
  while last > most - 3 and string.find(text, '^[\128-\191]', last + 1) do last = last - 1 end
  return string.sub(text, 1, last), true
end

-- A run that was overdue is told of by its steward first, then by who settled it for its dead worker: as one attempt.
local function take_over(lines, entry)
  local read, told = pcall(cjson.decode, lines[#lines] or '')
  if not read or type(told) ~= 'table' or told.why ~= 'timeout' then return end
  lines[#lines] = nil
  entry.from = type(told.from) == 'number' and told.from or nil
  entry.by = type(told.by) == 'string' and told.by or nil
end

-- Writes down an attempt that did not succeed: of the newest of a job, a line of JSON each, the oldest first.
-- token: of the lock that its run had, nil for one that is gone
-- n, from: the job's attempt and processedOn as they are stored
-- entry: why (error, timeout, crash, lost, stall, cancel), next (retry, queued, failed, cancelled), and if known due
--        (when it is to be retried), cause, type, error
-- overdue: true when the job's cause was stored by recovery
local function keep_attempt(job, now, token, n, from, entry, overdue)
  local past = redis.call('HGET', job, 'past') or ''
  if #past > MOST_READ then past = '' end -- nothing of ours is so long
  local lines = {}
  for line in string.gmatch(past, '[^\n]+') do lines[#lines + 1] = line end
  local worker = token and string.match(token, '^([^.]+)%.')
  entry.n, entry.at, entry.from, entry.by = tonumber(n) or 1, now, tonumber(from), worker and cut(worker, MOST_BYTES)
  if entry.error then entry.error, entry.cut = cut(entry.error, MOST_BYTES) end
  if entry.type then entry.type = cut(entry.type, MOST_BYTES) end
  if entry.cause then entry.cause = cut(entry.cause, MOST_BYTES) end
  if overdue then take_over(lines, entry) end
  local written, line = pcall(cjson.encode, entry)
  if not written then return end -- a stored number may be none that JSON has
  lines[#lines + 1] = line
  redis.call('HSET', job, 'past', table.concat(lines, '\n', math.max(1, #lines - MOST_ATTEMPTS + 1)))
end
