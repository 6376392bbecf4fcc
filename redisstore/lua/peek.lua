-- peek: KEYS slot; ARGV digest
local key, now = KEYS[1], clock()
local raw = redis.call('GET', key)
if not raw then
  return reply('none', key)
end
local from, _, state, written, claim = link(raw, ARGV[1], now)
if from and claim == '-' then
  return { 'ok', key, ARGV[1], state, tonumber(written) }
end
local slot = load(key, now, raw)
if not slot then
  return newer()
end
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
