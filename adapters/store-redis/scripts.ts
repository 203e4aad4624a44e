import { script } from '../../runtime/redis/script.ts';

/**
 * The scripts of a stripe: they pass when Redis is out of memory, since what they write lets queued messages leave; new
 * messages are refused before, by the store.
 *
 * The fields of a stripe's `meta` hash: `epoch` goes up by one with each owner, `renewals` with each sign of life, `commit`
 * with each commit, over all epochs. The `epochs` hash has the last commit of each epoch that is over: so an owner that
 * has lost the stripe learns exactly which of its commits count.
 *
 * Reply of all: [what, epoch, commit, last commit of the caller's epoch].
 */
export const Reply = {
  done: 0,
  /** It was done when it was sent before. */
  again: 1,
  /** The stripe has another owner: nothing was written. */
  fenced: 2,
  /** Commits are missing between what Redis has and this one: nothing was written. */
  gap: 3,
} as const;

/** Epochs that are over of which the last commit is remembered. */
const EPOCHS_KEPT = 64;

/** KEYS meta, epochs. ARGV owner, nonce of this taking, epoch and renewals as watched ('' = whoever may take at once). */
export const TAKE = script(
  'take',
  1,
  `
local m = redis.call('HMGET', KEYS[1], 'epoch', 'commit', 'renewals', 'owner', 'nonce')
local epoch, commit = tonumber(m[1] or '0'), tonumber(m[2] or '0')
if m[5] == ARGV[2] then
  redis.call('HINCRBY', KEYS[1], 'renewals', 1)
  return {1, epoch, commit, commit}
end
local owner = m[4] or ''
if owner ~= '' and owner ~= ARGV[1] and (m[1] ~= ARGV[3] or m[3] ~= ARGV[4]) then
  return {2, epoch, commit, 0}
end
redis.call('HSET', KEYS[2], epoch, commit)
redis.call('HDEL', KEYS[2], epoch - ${EPOCHS_KEPT})
redis.call('HSET', KEYS[1], 'epoch', epoch + 1, 'commit', commit, 'owner', ARGV[1], 'nonce', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'renewals', 1)
return {0, epoch + 1, commit, commit}
`,
);

/** A sign of life, and the question what became of a commit. KEYS meta, epochs. ARGV epoch. */
export const RENEW = script(
  'renew',
  1,
  `
local m = redis.call('HMGET', KEYS[1], 'epoch', 'commit')
local epoch, commit = tonumber(m[1] or '0'), tonumber(m[2] or '0')
if epoch ~= tonumber(ARGV[1]) then
  return {2, epoch, commit, tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '-1')}
end
redis.call('HINCRBY', KEYS[1], 'renewals', 1)
return {0, epoch, commit, commit}
`,
);

/** Whoever wants the stripe may have it at once. KEYS meta, epochs. ARGV epoch. */
export const RELEASE = script(
  'release',
  1,
  `
local m = redis.call('HMGET', KEYS[1], 'epoch', 'commit')
local epoch, commit = tonumber(m[1] or '0'), tonumber(m[2] or '0')
if epoch ~= tonumber(ARGV[1]) then return {2, epoch, commit, 0} end
redis.call('HSET', KEYS[1], 'owner', '')
return {0, epoch, commit, commit}
`,
);

/**
 * One group commit. KEYS meta, epochs, then the hashes that values lie in. ARGV epoch, commit, then for each of those
 * hashes how many fields are put and how many removed, then for each of them: field, value, field, value, …, the fields
 * to remove.
 */
export const COMMIT = script(
  'commit',
  1,
  `
local m = redis.call('HMGET', KEYS[1], 'epoch', 'commit')
local epoch, commit = tonumber(m[1] or '0'), tonumber(m[2] or '0')
if epoch ~= tonumber(ARGV[1]) then
  return {2, epoch, commit, tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '-1')}
end
local mine = tonumber(ARGV[2])
if commit == mine then return {1, epoch, commit, commit} end
if commit ~= mine - 1 then return {3, epoch, commit, commit} end
local at = 3 + 2 * (#KEYS - 2)
local total = at - 1
for i = 3, at - 1, 2 do total = total + 2 * tonumber(ARGV[i]) + tonumber(ARGV[i + 1]) end
if total ~= #ARGV then return redis.error_reply('ERR heliograph commit: ' .. total .. ' arguments announced, got ' .. #ARGV) end
local function each(command, key, count)
  while count > 0 do
    local some = math.min(count, 4000)
    redis.call(command, key, unpack(ARGV, at, at + some - 1))
    at = at + some
    count = count - some
  end
end
for k = 3, #KEYS do
  each('HSET', KEYS[k], 2 * tonumber(ARGV[2 * k - 3]))
  each('HDEL', KEYS[k], tonumber(ARGV[2 * k - 2]))
end
redis.call('HSET', KEYS[1], 'commit', mine)
redis.call('HINCRBY', KEYS[1], 'renewals', 1)
return {0, epoch, mine, mine}
`,
);
