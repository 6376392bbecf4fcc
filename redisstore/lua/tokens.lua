-- tokens: KEYS a slot each; ARGV nonce, and for neighbouring keys their number, an
-- operation, and for each key its arguments:
--   put digest state ttl max-live tries max-failures window handle
--   peek digest
--   claim digest id
--   guess digest handle
--   guess-claim digest handle id
--   release digest id
--   end digest
--   delete
--   list
-- The reply begins with the nonce and has two strings for each key: a word, and
-- for the word "ok" the digest, the state, the end and the lifetime of each token.
--
-- A slot is one string: a line with the version of this format, a line for each
-- token, oldest first, and, if it ever held a code, after an empty line the
-- wrong guesses at its codes.
--   1
--   digest state expires status [tries claim barred]
--   max window time...
-- status is l (link) or c (code), or x and y for those that are dead. Times are
-- milliseconds of this server. Names are printable ASCII without spaces; an
-- empty one is written as a dash, as no caller's may be.
--
-- barred has commas between the ids that may not claim. It begins with a dot, the
-- lifetime, and for a code with a handle another dot and the handle, in which no
-- comma is. Versions without lifetimes and handles take this for an id that
-- nobody has, and keep it.
--
-- A guess is a peek or a claim of a code. It writes the slot whatever it finds,
-- because the time of a write would tell who has a code (A97).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local version = '1\n'
local find, match, sub = string.find, string.match, string.sub

-- read_failures reads the last line of a slot. It reports false if it cannot.
local function read_failures(slot, text)
  local max, window, times = match(text, '^%s*(%d+) (%d+)([%d ]*)$')
  if not max then
    return false
  end
  slot.max, slot.window = max + 0, window + 0
  for at in string.gmatch(times, '%d+') do
    slot.failures[#slot.failures + 1] = at + 0
  end
  return true
end

-- read returns a slot as a table, or nil and the word for what it is instead.
local function read(raw)
  local slot = { tokens = {}, failures = {}, max = 0, window = 0 }
  if not raw then
    return slot
  end
  if type(raw) ~= 'string' or not match(raw, '^%d+\n') then
    return nil, 'unreadable'
  end
  if sub(raw, 1, #version) ~= version then
    return nil, 'newer'
  end
  local tokens, cut = sub(raw, #version + 1), find(raw, '\n\n', 1, true)
  if cut then
    tokens = sub(raw, #version + 1, cut - 1)
    if not read_failures(slot, sub(raw, cut + 2)) then
      return nil, 'unreadable'
    end
  end
  for line in string.gmatch(tokens, '[^\n]+') do
    local digest, state, expires, status, more = match(line, '^(%S+) (%S+) (%d+) (%l)(.*)$')
    local tries, claim, barred = 0, '-', '-'
    if more ~= '' then
      tries, claim, barred = match(more or '', '^ (%d+) (%S+) (%S+)$')
    end
    if not tries then
      return nil, 'unreadable'
    end
    if expires + 0 > now then
      slot.tokens[#slot.tokens + 1] = {
        digest = digest, state = state, expires = expires, status = status,
        tries = tries + 0, claim = claim, barred = barred,
      }
    end
  end
  return slot
end

local function write(key, slot)
  local lines, dies = {}, now
  for _, t in ipairs(slot.tokens) do
    local line = t.digest .. ' ' .. t.state .. ' ' .. t.expires .. ' ' .. t.status
    if t.tries > 0 or t.claim ~= '-' or t.barred ~= '-' then
      line = line .. ' ' .. t.tries .. ' ' .. t.claim .. ' ' .. t.barred
    end
    lines[#lines + 1] = line
    dies = math.max(dies, t.expires + 0)
  end
  local raw = version .. table.concat(lines, '\n')
  if slot.max > 0 then
    raw = raw .. '\n\n' .. table.concat({ slot.max, slot.window, unpack(slot.failures) }, ' ')
    for _, at in ipairs(slot.failures) do
      dies = math.max(dies, at + slot.window)
    end
  end
  if dies <= now then
    redis.call('DEL', key)
  else
    redis.call('SET', key, raw, 'PX', dies - now)
  end
end

local function token(slot, digest)
  for _, t in ipairs(slot.tokens) do
    if t.digest == digest then
      return t
    end
  end
end

local killed = { l = 'x', c = 'y' } -- the status of what was l or c

local function dead(t)
  return not killed[t.status]
end

local function kill(t)
  t.status = killed[t.status] or t.status
end

-- exhausted reports whether the codes of a slot had too many wrong guesses, and
-- forgets those that have left the window.
local function exhausted(slot)
  local recent = {}
  for _, at in ipairs(slot.failures) do
    if now - at < slot.window then
      recent[#recent + 1] = at
    end
  end
  slot.failures = recent
  return #recent >= slot.max
end

local function bars(t, id)
  return find(',' .. t.barred .. ',', ',' .. id .. ',', 1, true) ~= nil
end

local function handle_of(t)
  return match(t.barred, '^%.%d+%.([^,]+)') or ''
end

-- count_guess counts a wrong guess against the live code of a handle. It reports
-- false if there is none.
local function count_guess(slot, handle)
  for _, t in ipairs(slot.tokens) do
    if t.status == 'c' and t.claim == '-' and handle_of(t) == handle then
      if exhausted(slot) then
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

-- describe returns what is answered about a token.
local function describe(digest, state, expires, barred)
  return digest .. ' ' .. state .. ' ' .. expires .. ' ' .. (match(barred, '^%.(%d+)') or '-')
end

-- The operations change a slot. They return a word, whether the slot has to be
-- written, and what is answered about tokens.
local operations = {}

-- A claim is a peek with an id.
function operations.peek(slot, digest, id, handle)
  local t = token(slot, digest)
  if not t or dead(t) then
    return t and 'spent' or 'none', count_guess(slot, handle or '')
  end
  if t.claim ~= '-' and t.claim ~= id then
    return 'held'
  end
  if id and bars(t, id) then
    return 'spent'
  end
  if t.status == 'c' and exhausted(slot) then
    return 'guesses'
  end
  t.claim = id or t.claim
  return 'ok', id ~= nil, describe(t.digest, t.state, t.expires, t.barred)
end

operations.claim = operations.peek

-- add_decoy puts a dead token into a slot without tokens, so that a guess reads
-- and writes as much as one at a code. Its digest is longer than a caller's may
-- be, so it stands in nobody's way. It is the oldest of its slot, and the first
-- to be forgotten.
local function add_decoy(slot)
  local expires = string.format('%d', now + 60000)
  local decoy = read(version .. string.rep('-', 120) .. ' - ' .. expires .. ' y 1 - -\n\n1 1')
  slot.tokens = decoy.tokens
  if slot.max == 0 then
    slot.max, slot.window = decoy.max, decoy.window
  end
end

function operations.guess(slot, digest, handle, id)
  local word, _, text = operations.peek(slot, digest, id, handle)
  if #slot.tokens == 0 then
    add_decoy(slot)
  end
  return word, true, text
end

operations['guess-claim'] = operations.guess

function operations.release(slot, digest, id)
  local t = token(slot, digest)
  if not t then
    return 'none'
  end
  if t.claim == id then
    t.claim = '-'
  end
  if not bars(t, id) then
    t.barred = t.barred == '-' and id or t.barred .. ',' .. id
    local _, commas = string.gsub(t.barred, ',', ',')
    if commas > 32 then
      t.barred = string.gsub(t.barred, ',[^,]*', '', 1) -- without the oldest
    end
  end
  return 'done', true
end

operations['end'] = function(slot, digest)
  local t = token(slot, digest)
  if not t then
    return 'none'
  end
  kill(t)
  return 'done', true
end

function operations.delete(slot)
  if #slot.tokens == 0 then
    return 'none'
  end
  for _, t in ipairs(slot.tokens) do
    kill(t)
  end
  return 'done', true
end

function operations.list(slot)
  local live = {}
  for _, t in ipairs(slot.tokens) do
    if not dead(t) and t.claim == '-' then
      live[#live + 1] = describe(t.digest, t.state, t.expires, t.barred)
    end
  end
  return 'ok', false, table.concat(live, ' ')
end

-- make_room kills the youngest links until one more fits, so that neither an
-- attacker who keeps asking nor a late message kills the first ones. Claimed
-- ones count, because a release revives them, and go last.
local function make_room(slot, most)
  local alive = 0
  for _, t in ipairs(slot.tokens) do
    alive = alive + (dead(t) and 0 or 1)
  end
  for _, claimed in ipairs({ false, true }) do
    for i = #slot.tokens, 1, -1 do
      local t = slot.tokens[i]
      if alive >= most and not dead(t) and (t.claim ~= '-') == claimed then
        kill(t)
        alive = alive - 1
      end
    end
  end
end

-- make_room_for_code kills the code of the handle, and no other: a stranger who
-- asks for codes must not end those of the person. It reports false, and kills
-- none, if there are too many others.
local function make_room_for_code(slot, most, handle)
  local own, others = {}, 0
  for _, t in ipairs(slot.tokens) do
    if not dead(t) and handle_of(t) == handle then
      own[#own + 1] = t
    elseif not dead(t) then
      others = others + 1
    end
  end
  if others >= most then
    return false
  end
  for _, t in ipairs(own) do
    kill(t)
  end
  return true
end

-- forget_spent forgets the oldest dead tokens, and keeps 64.
local function forget_spent(slot)
  local spent, kept = 0, {}
  for _, t in ipairs(slot.tokens) do
    spent = spent + (dead(t) and 1 or 0)
  end
  for _, t in ipairs(slot.tokens) do
    if spent > 64 and dead(t) then spent = spent - 1 else kept[#kept + 1] = t end
  end
  slot.tokens = kept
end

function operations.put(slot, digest, state, ttl, most, tries, max_failures, window, handle)
  local t = token(slot, digest)
  if t and (dead(t) or t.claim ~= '-') then
    return 'spent'
  end
  tries, most = tries + 0, most + 0
  if tries > 0 then
    -- Stored with the code, and not if that is live already.
    slot.max, slot.window = max_failures + 0, window + 0
    if exhausted(slot) then
      return 'guesses'
    end
  end
  local changed = not t
  if not t then
    if tries == 0 then
      make_room(slot, most)
    elseif not make_room_for_code(slot, most, handle) then
      return 'codes'
    end
    forget_spent(slot)
    t = {
      digest = digest, state = state, expires = string.format('%d', now + ttl),
      status = tries > 0 and 'c' or 'l', tries = tries, claim = '-',
      barred = '.' .. ttl .. (handle ~= '' and '.' .. handle or ''),
    }
    slot.tokens[#slot.tokens + 1] = t
  end
  return 'ok', changed, describe(t.digest, t.state, t.expires, t.barred)
end

-- quick decides a peek or a claim of a live link without reading the other
-- tokens, which is all that most calls need. It returns nothing for everything
-- else, and then the slot is read as a whole.
local function quick(key, raw, digest, id)
  local from = find(raw, '\n' .. digest .. ' ', 1, true)
  if not from or sub(raw, 1, #version) ~= version then
    return
  end
  local state, expires, more, to = match(raw, '^ (%S+) (%d+) l([^\n]*)()', from + 1 + #digest)
  if not to or expires + 0 <= now then
    return
  end
  local claim, barred = '-', '-'
  if more ~= '' then
    claim, barred = match(more, '^ 0 (%S+) ([-.]%d*)$')
  end
  if not claim or claim ~= '-' and claim ~= id then
    return
  end
  if id then
    -- Written even where it says so already: WAIT waits for the last write of
    -- its connection, and a repeated claim must not be acknowledged for none.
    redis.call('SET', key, sub(raw, 1, from) .. digest .. ' ' .. state .. ' ' .. expires ..
      ' l 0 ' .. id .. ' ' .. barred .. sub(raw, to), 'KEEPTTL')
  end
  return 'ok', false, describe(digest, state, expires, barred)
end

local arguments = {
  put = 8, peek = 1, claim = 2, guess = 2, ['guess-claim'] = 3, release = 2, ['end'] = 1, delete = 0, list = 0,
}
local reply, k, at = { ARGV[1] }, 0, 2
while k < #KEYS do
  local last, name = k + ARGV[at], ARGV[at + 1]
  local operate, size = operations[name], arguments[name]
  at = at + 2
  while k < last do
    k = k + 1
    local raw = redis.pcall('GET', KEYS[k])
    if type(raw) == 'table' and not find(raw.err, 'WRONGTYPE', 1, true) then
      return raw -- for example, the user may not GET
    end
    local word, changed, text
    if operate == operations.peek and type(raw) == 'string' then
      word, changed, text = quick(KEYS[k], raw, unpack(ARGV, at, at + size - 1))
    end
    if not word then
      local slot, other = read(raw)
      word = other
      if slot then
        word, changed, text = operate(slot, unpack(ARGV, at, at + size - 1))
      end
      if changed then
        write(KEYS[k], slot)
      end
    end
    reply[2 * k], reply[2 * k + 1] = word, text or ''
    at = at + size
  end
end
return reply
