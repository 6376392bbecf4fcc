-- limits: KEYS a log each; ARGV nonce, and for neighbouring keys of one policy
-- their number, kind, ttl, and n and length of each window, and then for each key
-- its id, if they have ids. kind is "unit every windows ids": the unit of the log
-- in microseconds, how long after the last call one more is always allowed (0 for
-- never), how many windows there are, and 1 if there are ids. Times are in units.
--
-- A log is one string: a byte that is 0, or 1 if calls have ids, the time of the
-- last call in seven bytes, and for each call, oldest first, its time in four
-- bytes, modulo 2^32, with eight bytes of id if it has one. The longest window
-- has fewer than 2^32 units. A window of n is full if the n-th youngest call is
-- still in it, so no more calls are kept than the largest n, and no loop goes
-- through them. ttl is the milliseconds that a log outlives its last call.
--
-- The reply begins with the nonce and has two integers for each key. The second
-- one is reset. The first one is window + 8 * left if the call is allowed and
-- -1 - window - 8 * wait if it is not. window counts from 0. If the second is
-- negative, the log was not read: -1 is a newer version, -2 is no log.
local call, get, byte, char, sub, floor = redis.call, redis.pcall, string.byte, string.char, string.sub, math.floor
local time = call('TIME')
local micros = time[1] * 1000000 + time[2]
local reply, rest, k, at = { ARGV[1] + 0 }, nil, 0, 2

-- Most calls are of one window, without id or exception, under a clock that goes
-- forward. They are decided in this loop, without functions and tables, which
-- would double its time. The others are left to the rest of the script.
while k < #KEYS do
  local last, kind, ttl, n, window = k + ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3] + 0, ARGV[at + 4] + 0
  if kind == '1 0 1 0' or kind == '1000 0 1 0' then
    at = at + 5
    -- A call is logged at the end of its unit and judged at the beginning of one,
    -- so that rounding never makes a window shorter.
    local now, logged = micros, micros
    if kind == '1000 0 1 0' then
      now, logged = floor(micros / 1000), floor((micros + 999) / 1000)
    end
    local ahead, low = logged - now, logged % 4294967296
    local high = (logged - low) / 4294967296
    local y = low % 256
    local x = (low - y) / 256 % 256
    local tail = char(floor(low / 16777216), floor(low / 65536) % 256, x, y)
    local head = char(0, floor(high / 65536), floor(high / 256) % 256, high % 256) .. tail
    while k < last do
      k = k + 1
      local key = KEYS[k]
      local log = get('GET', key)
      local inside, reset, body, decided = 0, window, '', not (rest and rest[key])
      if log and decided then
        local size = #log
        inside = (size - 8) / 4
        local a, b, c, d, e, f, g, h, i, j, l, m
        if size >= 12 and size % 4 == 0 and inside <= n then
          a, b, c, d, e, f, g, h, i, j, l, m = byte(log, 1, 12)
        end
        if a ~= 0 then
          decided = false
        else
          local newest = ((e * 256 + f) * 256 + g) * 256 + h
          local passed = now - ((b * 256 + c) * 256 + d) * 4294967296 - newest
          local age, first = (newest - ((i * 256 + j) * 256 + l) * 256 - m) % 4294967296 + passed, 1
          decided = passed + ahead >= 0
          if age >= window then
            -- Some have left the window: the oldest that has not, by halving.
            local above = inside + 1
            first = 2
            while first < above do
              local mid = first + above
              mid = (mid - mid % 2) / 2
              i, j, l, m = byte(log, mid * 4 + 5, mid * 4 + 8)
              local older = (newest - ((i * 256 + j) * 256 + l) * 256 - m) % 4294967296 + passed
              if older < window then
                above, age = mid, older
              else
                first = mid + 1
              end
            end
            inside = inside + 1 - first
          end
          if inside > 0 then
            reset = window - age
            body = sub(log, first * 4 + 5)
          end
        end
      end
      if not decided then
        -- In the order of the call, also where a key comes twice.
        rest = rest or {}
        rest[k], rest[key] = true, true
      elseif inside == n then
        reply[2 * k], reply[2 * k + 1] = -1 - 8 * reset, reset
      else
        call('SET', key, head .. body .. tail, 'PX', ttl)
        reply[2 * k], reply[2 * k + 1] = 8 * (n - inside - 1), reset
      end
    end
  else
    rest = rest or {}
    local windows, ids = string.match(kind, '(%d+) (%d+)$')
    at = at + 3 + 2 * windows + ids * (last - k)
    while k < last do
      k = k + 1
      rest[k], rest[KEYS[k]] = true, true
    end
  end
end
if not rest then
  return reply
end

local function pack(n, bytes)
  if bytes == 4 then
    return char(floor(n / 16777216) % 256, floor(n / 65536) % 256, floor(n / 256) % 256, n % 256)
  end
  return char(floor(n / 281474976710656) % 256, floor(n / 1099511627776) % 256, floor(n / 4294967296) % 256,
    floor(n / 16777216) % 256, floor(n / 65536) % 256, floor(n / 256) % 256, n % 256)
end

-- read returns a log as a table, or the reply for one that cannot be read.
local function read(key, id)
  local raw = get('GET', key)
  local log = { size = 4, last = 0, body = '', count = 0 }
  if raw then
    if type(raw) ~= 'string' or #raw < 12 then
      return nil, -2
    end
    local flag, a, b, c, d, e, f, g = byte(raw, 1, 8)
    if flag > 1 then
      return nil, -1
    end
    log.last = ((((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256) + g
    log.body = sub(raw, 9)
    if flag == 1 then
      log.size = 12
    end
    log.count = #log.body / log.size
    if log.count % 1 ~= 0 then
      return nil, -2
    end
  end
  if id ~= '' and log.size == 4 then
    log.size = 12
    log.body = string.gsub(log.body, '....', '%0\0\0\0\0\0\0\0\0')
  end
  return log
end

-- rewind takes a log along with a clock that has been set back: no less than
-- nothing has passed since the last call, so all calls move with it.
local function rewind(log, at)
  local shift, calls = log.last - at, {}
  for i = 1, log.count do
    local p = (i - 1) * log.size
    local a, b, c, d = byte(log.body, p + 1, p + 4)
    local old = ((a * 256 + b) * 256 + c) * 256 + d
    calls[i] = pack((old - shift) % 4294967296, 4) .. sub(log.body, p + 5, p + log.size)
  end
  log.body, log.last, log.changed = table.concat(calls), at, true
end

-- age is that of the n-th youngest call.
local function age(log, n, now)
  local p = (log.count - n) * log.size
  local a, b, c, d = byte(log.body, p + 1, p + 4)
  return (log.last - (((a * 256 + b) * 256 + c) * 256 + d)) % 4294967296 + (now - log.last)
end

-- within is how many calls a window holds: its oldest is found by halving.
local function within(log, window, now)
  if log.count == 0 or age(log, log.count, now) < window then
    return log.count
  end
  local low, high = 0, log.count - 1
  while low < high do
    local mid = floor((low + high + 1) / 2)
    if age(log, mid, now) < window then
      low = mid
    else
      high = mid - 1
    end
  end
  return low
end

-- judge asks every window. d.wait is how long until they all have room.
local function judge(log, windows, now)
  local d = { allowed = true, which = 0, left = -1, reset = 0, wait = 0 }
  for i, w in ipairs(windows) do
    local inside = within(log, w.length, now)
    local opens = inside > 0 and w.length - age(log, inside, now) or w.length
    if inside >= w.n then
      -- The n-th youngest must leave. The oldest, which resets the window, is
      -- another one only where an exception or a larger limit let more in.
      local free = w.length - age(log, w.n, now)
      if d.allowed or free > d.wait then
        d.which, d.reset, d.wait = i - 1, opens, free
      end
      d.allowed, d.left = false, 0
    elseif d.allowed then
      local left = w.n - inside
      if d.left < 0 or left < d.left or left == d.left and opens > d.reset then
        d.which, d.left, d.reset = i - 1, left, opens
      end
    end
  end
  return d
end

-- counted says whether the log has a call of this id. One that no window and no
-- exception reaches any more was another call.
local function counted(log, id, reach, now)
  local from = 1
  while id ~= '' do
    local p = string.find(log.body, id, from, true)
    if not p then
      return false
    end
    if (p - 5) % log.size == 0 then
      return age(log, log.count - (p - 5) / log.size, now) < reach
    end
    from = p + 1
  end
  return false
end

-- add logs a call, and drops those that no window reaches: their age would wrap
-- around.
local function add(log, id, at, longest, largest, now)
  local keep = math.min(within(log, longest, now), largest - 1)
  log.body = sub(log.body, (log.count - keep) * log.size + 1) .. pack(at % 4294967296, 4)
  if log.size == 12 then
    log.body = log.body .. (id ~= '' and id or '\0\0\0\0\0\0\0\0')
  end
  log.last, log.changed = at, true
end

local function decide(key, id, unit, every, ttl, windows)
  local now, logged = floor(micros / unit), floor((micros + unit - 1) / unit)
  local log, failure = read(key, id)
  if not log then
    return 0, failure
  end
  if log.last > logged then
    rewind(log, logged)
  end
  local longest, largest = 0, 0
  for _, w in ipairs(windows) do
    longest, largest = math.max(longest, w.length), math.max(largest, w.n)
  end
  local d = judge(log, windows, now)
  local again = counted(log, id, math.max(longest, every), now)
  local admit = d.allowed and not again
  if not d.allowed and not again and every > 0 then
    local left = every - age(log, 1, now)
    admit = left <= 0
    if not admit then
      d.wait = math.min(d.wait, left)
    end
  end
  if admit then
    add(log, id, logged, longest, largest, now)
  end
  if log.changed then
    call('SET', key, char(log.size == 12 and 1 or 0) .. pack(log.last, 7) .. log.body, 'PX', ttl)
  end
  if d.allowed and admit then
    d.left = d.left - 1
  end
  if d.allowed or admit or again then
    return d.which + 8 * math.max(0, d.left), d.reset
  end
  return -1 - d.which - 8 * d.wait, d.reset
end

k, at = 0, 2
while k < #KEYS do
  local last, kind, ttl = k + ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local unit, every, count, ids = string.match(kind, '^(%d+) (%d+) (%d+) (%d+)$')
  local windows = {}
  for i = 1, count + 0 do
    windows[i] = { n = ARGV[at + 1 + 2 * i] + 0, length = ARGV[at + 2 + 2 * i] + 0 }
  end
  at = at + 3 + 2 * count
  while k < last do
    k = k + 1
    if rest[k] then
      local id = ids == '1' and ARGV[at] or ''
      reply[2 * k], reply[2 * k + 1] = decide(KEYS[k], id, unit + 0, every + 0, ttl, windows)
    end
    at = at + ids
  end
end
return reply
