-- claim: KEYS slot; ARGV digest id
local key, id, now = KEYS[1], ARGV[2], clock()
local slot = load(key, now)
local t = find(slot, ARGV[1])
if t and not dead(t) then
  if t.claim ~= '-' and t.claim ~= id then
    return reply('held', key)
  end
  if bars(t, id) or exhausted(slot, t) then
    return reply('none', key)
  end
  t.claim = id
  -- Written even where it says so already: WAIT waits for the last write of its
  -- connection, and a repeated claim must not be acknowledged for none.
  save(key, slot, now)
  return reply('ok', key, t)
end
if guess(slot, now) then
  save(key, slot, now)
end
return reply('none', key)
