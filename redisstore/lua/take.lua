-- take: KEYS log; ARGV unit id trickle ttl stamp base n window...
-- The log is one string: a byte that is 0, or 1 if calls have ids, the time of
-- the last call in seven bytes, and for each call, oldest first, its time in
-- four bytes, modulo 2^32, with eight bytes of id if it has one. Times are in
-- units of the server's clock, of which the longest window has fewer than 2^32.
-- A window of N is full if the N-th youngest call is still in it, so no more
-- calls are kept than the largest N, and no loop goes through them. ttl is the
-- milliseconds that a log outlives its last call. base is more than any N, and
-- stamp is added to the reply.
local call, byte, char, sub, floor = redis.call, string.byte, string.char, string.sub, math.floor
local t = call('TIME')
local log = call('GET', KEYS[1])
local unit, id, stamp = ARGV[1], ARGV[2], ARGV[5]
-- A call is logged at the end of its unit and judged at the beginning of one, so
-- that rounding never makes a window shorter.
local now = t[1] * 1000000 + t[2]
local at = now
if unit ~= '1' then
  at = floor((now + unit - 1) / unit)
  now = floor(now / unit)
end

-- Most takes are of one window, without id or trickle, under a clock that goes
-- forward. They are decided here, by the rule below but without its closures,
-- which make up a third of its time.
if id == '' and ARGV[3] == '0' and not ARGV[9] then
  local n, window = ARGV[7] + 0, ARGV[8] + 0
  local inside, reset, body, usual = 0, window, '', true
  if log then
    local a, b, c, d, e, f, g, h, i, j, k, l = byte(log, 1, 12)
    local tail = ((e * 256 + f) * 256 + g) * 256 + h
    local passed = now - ((b * 256 + c) * 256 + d) * 4294967296 - tail
    inside = (#log - 8) / 4
    if a ~= 0 or passed < now - at or inside > n then
      usual = false
    else
      local age, first = (tail - ((i * 256 + j) * 256 + k) * 256 - l) % 4294967296 + passed, 1
      if age >= window then
        -- Some have left the window: the oldest that has not, by halving.
        local high = inside + 1
        first = 2
        while first < high do
          local mid = first + high
          mid = (mid - mid % 2) / 2
          i, j, k, l = byte(log, mid * 4 + 5, mid * 4 + 8)
          local older = (tail - ((i * 256 + j) * 256 + k) * 256 - l) % 4294967296 + passed
          if older < window then
            high, age = mid, older
          else
            first = mid + 1
          end
        end
        inside = inside + 1 - first
      end
      if inside > 0 then
        reset = window - age
        if inside == n then
          return -1 - 8 * reset - stamp
        end
        body = sub(log, first * 4 + 5)
      end
    end
  end
  if usual then
    local low = at % 4294967296
    local high = (at - low) / 4294967296
    local d = low % 256
    local c = (low - d) / 256 % 256
    local tail = char(floor(low / 16777216), floor(low / 65536) % 256, c, d)
    log = char(0, floor(high / 65536), floor(high / 256) % 256, high % 256) .. tail .. body .. tail
    call('SET', KEYS[1], log, 'PX', ARGV[4])
    return 8 * (n - inside - 1 + ARGV[6] * reset) + stamp
  end
end

local function pack(n, bytes)
  if bytes == 4 then
    return char(floor(n / 16777216) % 256, floor(n / 65536) % 256, floor(n / 256) % 256, n % 256)
  end
  return char(floor(n / 281474976710656) % 256, floor(n / 1099511627776) % 256, floor(n / 4294967296) % 256,
    floor(n / 16777216) % 256, floor(n / 65536) % 256, floor(n / 256) % 256, n % 256)
end

local trickle = tonumber(ARGV[3])
local size, last, body, count, changed = 4, 0, '', 0, false
if log then
  local flag, a, b, c, d, e, f, g = byte(log, 1, 8)
  if flag > 1 then
    return redis.error_reply('NEWER the log was written by a newer version of this library: bring all instances to the same version')
  end
  last = ((((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256) + g
  body = sub(log, 9)
  if flag == 1 then
    size = 12
  end
  count = #body / size
end
if id ~= '' and size == 4 then
  local calls = {}
  for i = 1, count do
    calls[i] = sub(body, i * 4 - 3, i * 4) .. '\0\0\0\0\0\0\0\0'
  end
  size, body = 12, table.concat(calls)
end
-- The clock has been set back: no less than nothing has passed since the last
-- call, so all calls move back with it.
if last > at then
  local shift = last - at
  local calls = {}
  for i = 1, count do
    local p = (i - 1) * size
    local a, b, c, d = byte(body, p + 1, p + 4)
    local old = ((a * 256 + b) * 256 + c) * 256 + d
    calls[i] = pack((old - shift) % 4294967296, 4) .. sub(body, p + 5, p + size)
  end
  body, last, changed = table.concat(calls), at, true
end
local tail = last % 4294967296

-- age of the n-th youngest call, now
local function age(n)
  local p = (count - n) * size
  local a, b, c, d = byte(body, p + 1, p + 4)
  return (tail - (((a * 256 + b) * 256 + c) * 256 + d)) % 4294967296 + (now - last)
end

-- how many calls are within a window: its oldest is found by halving
local function within(window)
  if count == 0 or age(count) < window then
    return count
  end
  local low, high = 0, count - 1
  while low < high do
    local mid = floor((low + high + 1) / 2)
    if age(mid) < window then
      low = mid
    else
      high = mid - 1
    end
  end
  return low
end

local longest, largest = 0, 0
local allowed, which, least, reset, wait = true, 0, -1, 0, 0
for i = 7, #ARGV, 2 do
  local n, window = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local index = (i - 7) / 2
  longest, largest = math.max(longest, window), math.max(largest, n)
  if count >= n and age(n) < window then
    -- The n-th youngest must leave; the oldest, which is another only where a
    -- trickle or a larger limit let more in, is what the window is reset by.
    local free = window - age(n)
    if allowed or free > wait then
      which, reset, wait = index, free, free
      if count > n then
        reset = window - age(within(window))
      end
    end
    allowed, least = false, 0
  elseif allowed then
    local inside = within(window)
    local left = n - inside
    local opens = inside > 0 and window - age(inside) or window
    if least < 0 or left < least or (left == least and opens > reset) then
      which, least, reset = index, left, opens
    end
  end
end

local counted = false
if id ~= '' then
  local from = 1
  while true do
    local p = string.find(body, id, from, true)
    if not p then
      break
    end
    if (p - 5) % size == 0 then
      -- One that no window reaches any more was another call.
      counted = age(count - (p - 5) / size) < math.max(longest, trickle)
      break
    end
    from = p + 1
  end
end

local admit = allowed and not counted
if not allowed and not counted and trickle > 0 then
  local drop = trickle - age(1)
  if drop <= 0 then
    admit = true
  else
    wait = math.min(wait, drop)
  end
end
if admit then
  -- What no window reaches must go, or its age would wrap around.
  local keep = count
  if count > 0 and age(count) >= longest then
    keep = within(longest)
  end
  keep = math.min(keep, largest - 1)
  if keep < count then
    body = sub(body, (count - keep) * size + 1)
  end
  body = body .. pack(at % 4294967296, 4) .. id
  if size == 12 and id == '' then
    body = body .. '\0\0\0\0\0\0\0\0'
  end
  last, changed = at, true
end
if changed then
  call('SET', KEYS[1], char(size == 12 and 1 or 0) .. pack(last, 7) .. body, 'PX', ARGV[4])
end
if allowed and admit then
  least = least - 1
end
if allowed or admit or counted then
  -- One integer is the cheapest reply there is: window, calls left, time.
  return which + 8 * (math.max(0, least) + ARGV[6] * reset) + stamp
end
if wait == reset then
  return -1 - which - 8 * wait - stamp
end
return { which + stamp, wait, reset }
