-- peek: KEYS slot; ARGV digest
local key, now = KEYS[1], clock()
local slot = load(key, now)
local t = find(slot, ARGV[1])
if t and not dead(t) then
  if t.claim ~= '-' then
    return reply('held', key)
  end
  if exhausted(slot, t) then
    return reply('none', key)
  end
  return reply('ok', key, t)
end
if guess(slot, now) then
  save(key, slot, now)
end
return reply('none', key)
