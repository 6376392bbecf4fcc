-- claim: KEYS slot; ARGV digest id
local key, id, now = KEYS[1], ARGV[2], clock()
local raw = redis.call('GET', key)
if not raw then
  return reply('none', key)
end
local from, to, state, written, claim, barred = link(raw, ARGV[1], now)
if from and (claim == '-' or claim == id) and barred == '-' then
  -- Written even where it says so already: WAIT waits for the last write of its
  -- connection, and a repeated claim must not be acknowledged for none.
  redis.call('SET', key, string.sub(raw, 1, from - 1) .. ARGV[1] .. ' ' .. state .. ' ' .. written ..
    ' l 0 ' .. id .. ' -' .. string.sub(raw, to), 'KEEPTTL')
  return { 'ok', key, ARGV[1], state, tonumber(written) }
end
local slot = load(key, now, raw)
if not slot then
  return newer()
end
local t = find(slot, ARGV[1])
if t and not dead(t) then
  if t.claim ~= '-' and t.claim ~= id then
    return reply('held', key)
  end
  if bars(t, id) or exhausted(slot, t) then
    return reply('none', key)
  end
  t.claim = id
  save(key, slot, now)
  return reply('ok', key, t)
end
if guess(slot, now) then
  save(key, slot, now)
end
return reply('none', key)
