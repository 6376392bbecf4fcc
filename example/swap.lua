-- Replaces a value by another if it is still the one that was read; an empty
-- one means that there is none. The answer names the key, so that one about
-- another key is noticed.
local done = 0
if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  done = 1
end
return {done, KEYS[1]}
