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

-- general returns the function that decides any call. It refers to nothing
-- outside, because most runs do not need it, and would pay for that.
local function general()
  local call, byte, char, sub, floor = redis.call, string.byte, string.char, string.sub, math.floor
  local now, logged -- the time to judge by, and the time to log
  local body, size, count, newest -- of a log: its calls, their bytes, and the last

  -- read takes a log apart, or returns what is answered for one that is none.
  local function read(raw, id)
    body, size, newest = '', 4, 0
    if raw then
      if type(raw) ~= 'string' or #raw < 12 then
        return -2
      end
      local flag, a, b, c, d, e, f, g = byte(raw, 1, 8)
      if flag > 1 then
        return -1
      end
      newest = (((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256 + g
      body, size = sub(raw, 9), flag * 8 + 4
      if #body % size ~= 0 then
        return -2
      end
    end
    if id ~= '' and size == 4 then
      body, size = string.gsub(body, '....', '%0\0\0\0\0\0\0\0\0'), 12
    end
    count = #body / size
  end

  -- rewind takes a log along with a clock that has been set back: no less than
  -- nothing has passed since the last call, so all calls move with it.
  local function rewind()
    local calls = {}
    for p = 1, #body, size do
      local a, b, c, d = byte(body, p, p + 3)
      local t = (((a * 256 + b) * 256 + c) * 256 + d - newest + logged) % 4294967296
      calls[#calls + 1] = char(floor(t / 16777216), floor(t / 65536) % 256, floor(t / 256) % 256, t % 256) ..
        sub(body, p + 4, p + size - 1)
    end
    body, newest = table.concat(calls), logged
  end

  -- age is that of the n-th youngest call.
  local function age(n)
    local p = (count - n) * size
    local a, b, c, d = byte(body, p + 1, p + 4)
    return (newest - ((a * 256 + b) * 256 + c) * 256 - d) % 4294967296 + now - newest
  end

  -- within is how many calls a window holds. If not all, it is found by halving.
  local function within(window)
    local low, high, mid = 0, count, count
    while low < high do
      if age(mid) < window then
        low = mid
      else
        high = mid - 1
      end
      mid = floor((low + high + 1) / 2)
    end
    return low
  end

  -- counted says whether the log has a call of this id. One that no window and no
  -- exception reaches any more was another call.
  local function counted(id, reach)
    local p = id ~= '' and string.find(body, id, 1, true)
    while p and (p - 5) % size ~= 0 do
      p = string.find(body, id, p + 1, true)
    end
    return p and age(count - (p - 5) / size) < reach
  end

  return function(key, raw, id, ttl, every, first, after, judged, logs, head, tail)
    now, logged = judged, logs
    local failure = read(raw, id)
    if failure then
      return 0, failure
    end
    local changed = newest > logged
    if changed then
      rewind()
    end
    local allowed, which, left, reset, wait, longest, largest = true, 0, nil, 0, 0, 0, 0
    for i = first, after - 2, 2 do
      local n, window = ARGV[i] + 0, ARGV[i + 1] + 0
      longest, largest = math.max(longest, window), math.max(largest, n)
      local inside = within(window)
      local opens = inside > 0 and window - age(inside) or window
      if inside >= n then
        -- The n-th youngest must leave. The oldest, which resets the window, is
        -- another one only where an exception or a larger limit let more in.
        local free = window - age(n)
        if allowed or free > wait then
          which, reset, wait = (i - first) / 2, opens, free
        end
        allowed, left = false, 0
      elseif allowed and (not left or n - inside < left or n - inside == left and opens > reset) then
        which, left, reset = (i - first) / 2, n - inside, opens
      end
    end
    local again = counted(id, math.max(longest, every))
    local admit = allowed and not again
    if not allowed and not again and every > 0 then
      admit = age(1) >= every
      wait = math.min(wait, every - age(1))
    end
    if admit then
      -- Calls that no window reaches are dropped: their age would wrap around.
      local keep = math.min(within(longest), largest - 1)
      body = sub(body, (count - keep) * size + 1) .. tail
      if size == 12 then
        body = body .. (id ~= '' and id or '\0\0\0\0\0\0\0\0')
      end
    end
    if admit or changed then
      call('SET', key, char((size - 4) / 8) .. sub(head, 2) .. body, 'PX', ttl)
    end
    if allowed and admit then
      left = left - 1
    end
    if admit or allowed or again then
      return which + 8 * left, reset
    end
    return -1 - which - 8 * wait, reset
  end
end

local call, get, byte, char, sub = redis.call, redis.pcall, string.byte, string.char, string.sub
local time = call('TIME')
local micros = time[1] * 1000000 + time[2]
local reply, k, at, decide = { ARGV[1] + 0 }, 0, 2, nil
while k < #KEYS do
  local last, kind, ttl, first = k + ARGV[at], ARGV[at + 1], ARGV[at + 2], at + 3
  local n, window = ARGV[first] + 0, ARGV[first + 1] + 0
  local unit, every, windows, ids = 1, 0, 1, 0
  if kind ~= '1 0 1 0' then -- which most calls have
    unit, every, windows, ids = string.match(kind, '^(%d+) (%d+) (%d+) (%d+)$')
    every, windows, ids = every + 0, windows + 0, ids + 0
  end
  local usual = every == 0 and windows == 1 and ids == 0
  at = first + 2 * windows
  local after = at
  -- A call is logged at the end of its unit and judged at the beginning of one, so
  -- that rounding never makes a window shorter.
  local part = micros % unit
  local now, ahead = (micros - part) / unit, part > 0 and 1 or 0
  local logged = now + ahead
  local low = logged % 4294967296
  local high = (logged - low) / 4294967296
  -- Whole numbers are made without floor, which is a call of a function.
  local tail = char((low - low % 16777216) / 16777216, (low - low % 65536) / 65536 % 256,
    (low - low % 256) / 256 % 256, low % 256)
  local head = char(0, (high - high % 65536) / 65536, (high - high % 256) / 256 % 256, high % 256) .. tail
  while k < last do
    k = k + 1
    local key = KEYS[k]
    local log = get('GET', key)
    local inside, reset, body, decided = 0, window, '', usual
    -- The usual call, under a clock that goes forward, is decided here without
    -- functions and tables, which would double its time.
    if log and usual then
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
        local age, from = (newest - ((i * 256 + j) * 256 + l) * 256 - m) % 4294967296 + passed, 1
        decided = passed + ahead >= 0
        if age >= window then
          -- Some have left the window: the oldest that has not, by halving.
          local above = inside + 1
          from = 2
          while from < above do
            local mid = from + above
            mid = (mid - mid % 2) / 2
            i, j, l, m = byte(log, mid * 4 + 5, mid * 4 + 8)
            local older = (newest - ((i * 256 + j) * 256 + l) * 256 - m) % 4294967296 + passed
            if older < window then
              above, age = mid, older
            else
              from = mid + 1
            end
          end
          inside = inside + 1 - from
        end
        if inside > 0 then
          reset = window - age
          body = sub(log, from * 4 + 5)
        end
      end
    end
    if not decided then
      if type(log) == 'table' and not string.find(log.err, 'WRONGTYPE', 1, true) then
        return log -- for example, the user may not GET
      end
      decide = decide or general()
      reply[2 * k], reply[2 * k + 1] = decide(key, log, ids == 1 and ARGV[at] or '', ttl, every,
        first, after, now, logged, head, tail)
    elseif inside == n then
      reply[2 * k], reply[2 * k + 1] = -1 - 8 * reset, reset
    else
      call('SET', key, head .. body .. tail, 'PX', ttl)
      reply[2 * k], reply[2 * k + 1] = 8 * (n - inside - 1), reset
    end
    at = at + ids
  end
end
return reply
