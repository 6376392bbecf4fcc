-- put: KEYS slot; ARGV digest state ttl max-live tries max-failures window
local key, digest, now = KEYS[1], ARGV[1], clock()
local slot = load(key, now)
if not slot then
  return newer()
end
local t = find(slot, digest)
if t then
  if dead(t) or t.claim ~= '-' then
    return reply('spent', key)
  end
  return reply('ok', key, t)
end
local tries, live = tonumber(ARGV[5]), tonumber(ARGV[4])
if tries > 0 then
  slot.max, slot.window = tonumber(ARGV[6]), tonumber(ARGV[7])
end
-- The youngest go until one more fits, so that neither an attacker who keeps
-- asking nor a late message kills the first links. Claimed ones count, because
-- a release revives them, and go last.
local alive, spent = 0, 0
for _, u in ipairs(slot.tokens) do
  if dead(u) then spent = spent + 1 else alive = alive + 1 end
end
for _, claimed in ipairs({ false, true }) do
  for i = #slot.tokens, 1, -1 do
    local u = slot.tokens[i]
    if alive >= live and not dead(u) and (u.claim ~= '-') == claimed then
      kill(u)
      alive, spent = alive - 1, spent + 1
    end
  end
end
local i = 1
while spent > 64 and i <= #slot.tokens do
  if dead(slot.tokens[i]) then
    table.remove(slot.tokens, i)
    spent = spent - 1
  else
    i = i + 1
  end
end
t = {
  digest = digest, state = ARGV[2], expires = now + tonumber(ARGV[3]),
  status = tries > 0 and 'c' or 'l', tries = tries, claim = '-', barred = '-',
}
slot.tokens[#slot.tokens + 1] = t
save(key, slot, now)
return reply('ok', key, t)
