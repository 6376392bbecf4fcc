-- A slot is one string: a line with the version of this format, a line for each
-- token, oldest first, and, if it ever held a code, after an empty line the
-- wrong guesses at its codes.
--   1
--   digest state expires status [tries claim barred]
--   max window time...
-- status is l (link) or c (code), or x and y for those that are dead. Times are
-- milliseconds of this server. Names are printable ASCII without spaces; an
-- empty one is written as a dash, as no caller's may be.

local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local version = '1\n'

-- Every script answers with this when load or link finds another version.
local function newer()
  return redis.error_reply('NEWER the record was written by a newer version of this library: bring all instances to the same version')
end

local function fields(line)
  local f = {}
  for word in string.gmatch(line, '%S+') do
    f[#f + 1] = word
  end
  return f
end

-- link finds the line of a live link without reading the others, which is all
-- that most calls need: where it stands, state, expiry, claim, barred. For
-- everything else it returns nothing, and the slot is read as a whole.
local function link(raw, digest, now)
  local from = string.find(raw, '\n' .. digest .. ' ', 1, true)
  if not from or string.sub(raw, 1, #version) ~= version then
    return
  end
  from = from + 1
  local state, written, rest, to = string.match(raw, '^ (%S+) (%d+) l([^\n]*)()', from + #digest)
  if not to or tonumber(written) <= now then
    return
  end
  if rest == '' then
    return from, to, state, written, '-', '-'
  end
  return from, to, state, written, string.match(rest, '^ 0 (%S+) (%S+)$')
end

-- load reads a slot. It returns nothing for one of another version.
local function load(key, now, raw)
  local slot = { tokens = {}, failures = {}, max = 0, window = 0 }
  raw = raw or redis.call('GET', key)
  if not raw then
    return slot
  end
  if string.sub(raw, 1, #version) ~= version then
    return nil
  end
  local tokens, failures = string.sub(raw, #version + 1), nil
  local cut = string.find(raw, '\n\n', 1, true)
  if cut then
    tokens, failures = string.sub(raw, #version + 1, cut - 1), string.sub(raw, cut + 2)
  end
  for line in string.gmatch(tokens, '[^\n]+') do
    local digest, state, written, status, rest = string.match(line, '^(%S+) (%S+) (%d+) (%l)(.*)$')
    local expires, tries, claim, barred = tonumber(written), 0, '-', '-'
    if rest ~= '' then
      tries, claim, barred = string.match(rest, '^ (%d+) (%S+) (%S+)$')
      tries = tonumber(tries)
    end
    if expires > now then
      slot.tokens[#slot.tokens + 1] = {
        digest = digest, state = state, expires = expires, written = written, status = status,
        tries = tries, claim = claim, barred = barred,
      }
    end
  end
  if failures then
    local f = fields(failures)
    slot.max, slot.window = tonumber(f[1]), tonumber(f[2])
    for i = 3, #f do
      if now - tonumber(f[i]) < slot.window then
        slot.failures[#slot.failures + 1] = tonumber(f[i])
      end
    end
  end
  return slot
end

local function save(key, slot, now)
  local lines, dies = {}, now
  for _, t in ipairs(slot.tokens) do
    local line = t.digest .. ' ' .. t.state .. ' ' .. (t.written or string.format('%d', t.expires)) .. ' ' .. t.status
    if t.tries > 0 or t.claim ~= '-' or t.barred ~= '-' then
      line = line .. ' ' .. string.format('%d', t.tries) .. ' ' .. t.claim .. ' ' .. t.barred
    end
    lines[#lines + 1] = line
    dies = math.max(dies, t.expires)
  end
  local raw = version .. table.concat(lines, '\n')
  if slot.max > 0 then
    local f = { string.format('%d', slot.max), string.format('%d', slot.window) }
    for _, at in ipairs(slot.failures) do
      f[#f + 1] = string.format('%d', at)
      dies = math.max(dies, at + slot.window)
    end
    raw = raw .. '\n\n' .. table.concat(f, ' ')
  end
  if dies <= now then
    redis.call('DEL', key)
  else
    redis.call('SET', key, raw, 'PX', string.format('%d', dies - now))
  end
end

local function find(slot, digest)
  for _, t in ipairs(slot.tokens) do
    if t.digest == digest then
      return t
    end
  end
end

local function dead(t)
  return t.status == 'x' or t.status == 'y'
end

local function kill(t)
  if t.status == 'l' then
    t.status = 'x'
  elseif t.status == 'c' then
    t.status = 'y'
  end
end

local function exhausted(slot, t)
  return t.status == 'c' and #slot.failures >= slot.max
end

local function bars(t, id)
  return string.find(',' .. t.barred .. ',', ',' .. id .. ',', 1, true) ~= nil
end

-- guess counts a wrong guess against the live code of a slot, if it has one,
-- and says whether anything changed.
local function guess(slot, now)
  for _, t in ipairs(slot.tokens) do
    if t.status == 'c' and t.claim == '-' then
      if exhausted(slot, t) then
        return false
      end
      t.tries = t.tries - 1
      if t.tries == 0 then
        kill(t)
      end
      slot.failures[#slot.failures + 1] = now
      return true
    end
  end
  return false
end

-- The reply names the record that it is about.
local function reply(word, key, t)
  if not t then
    return { word, key }
  end
  return { word, key, t.digest, t.state, t.expires }
end
