-- Says what became of a job that is gone: whoever waits for it follows. Held for ms and ten minutes.
local function lead_on(base, from, to, ms)
  redis.call('SET', base .. ':into:' .. from, to, 'PX', string.format('%d', ms + 600000))
end
