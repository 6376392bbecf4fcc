-- release: KEYS slot; ARGV digest id
local key, id, now = KEYS[1], ARGV[2], clock()
local slot = load(key, now)
if not slot then
  return newer()
end
local t = find(slot, ARGV[1])
if not t then
  return reply('none', key)
end
if t.claim == id then
  t.claim = '-'
end
if not bars(t, id) then
  local ids = {}
  for old in string.gmatch(t.barred, '[^,]+') do
    if old ~= '-' then
      ids[#ids + 1] = old
    end
  end
  if #ids >= 32 then
    table.remove(ids, 1)
  end
  ids[#ids + 1] = id
  t.barred = table.concat(ids, ',')
end
save(key, slot, now)
return reply('ok', key)
