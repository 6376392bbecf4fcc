-- delete: KEYS slot
local key, now = KEYS[1], clock()
local slot = load(key, now)
if not slot then
  return newer()
end
if #slot.tokens == 0 then
  return reply('none', key)
end
for _, t in ipairs(slot.tokens) do
  kill(t)
end
save(key, slot, now)
return reply('ok', key)
