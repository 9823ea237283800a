-- Counts of calls, for the limits that the schema declares.

CREATE TABLE rate_limits (
  -- A hash of the counted name under the server key: neither an email nor an address can be found
  -- from it.
  key bytea PRIMARY KEY,
  -- The times of the calls that still count, oldest first; never more than the limit.
  calls timestamptz[] NOT NULL,
  -- When the row becomes irrelevant.
  expires_at timestamptz NOT NULL
);

CREATE INDEX rate_limits_expires_at ON rate_limits (expires_at);

-- Counts a call under each of the keys, or under none if one of them has reached its limit within
-- its window. weights: as how many calls it counts, at most the limit. Returns, in the keys' order,
-- how long each still refuses, in microseconds; all zero: the call is counted. alone: nothing else
-- is in the transaction, which then need not wait for the disk.
CREATE FUNCTION count_call(
  keys bytea[], calls_max integer[], window_seconds integer[], weights integer[], alone boolean
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  item record;
  moment timestamptz;
  kept timestamptz[];
  waits bigint[] := array_fill(0::bigint, ARRAY[cardinality(keys)]);
BEGIN
  IF alone THEN PERFORM set_config('synchronous_commit', 'off', true); END IF;
  -- Removes more rows than one call adds, so that the table does not grow beyond its relevant rows.
  DELETE FROM rate_limits WHERE key IN (
    SELECT key FROM rate_limits WHERE expires_at < clock_timestamp() ORDER BY expires_at LIMIT 8 FOR UPDATE SKIP LOCKED);
  -- In the order of the keys, so that two calls cannot deadlock.
  FOR item IN
    SELECT n.key, n.place, calls_max[n.place] AS calls_max, least(weights[n.place], calls_max[n.place]) AS weight,
      make_interval(secs => window_seconds[n.place]) AS duration
    FROM unnest(keys) WITH ORDINALITY AS n (key, place) ORDER BY 1
  LOOP
    LOOP
      INSERT INTO rate_limits VALUES (item.key, '{}', clock_timestamp()) ON CONFLICT (key) DO NOTHING;
      SELECT calls INTO kept FROM rate_limits WHERE key = item.key FOR UPDATE;
      EXIT WHEN FOUND;
    END LOOP;
    moment := clock_timestamp();
    SELECT coalesce(array_agg(call ORDER BY call), '{}') INTO kept FROM unnest(kept) call
    WHERE call > moment - item.duration;
    IF cardinality(kept) + item.weight > item.calls_max THEN
      waits[item.place] := greatest(1, (extract(epoch FROM
        kept[cardinality(kept) - item.calls_max + item.weight] + item.duration - moment) * 1000000)::bigint);
    END IF;
  END LOOP;
  IF 0 < ANY (waits) THEN RETURN waits; END IF;
  moment := clock_timestamp();
  UPDATE rate_limits r SET
    calls = (SELECT coalesce(array_agg(call ORDER BY call), '{}') FROM unnest(r.calls) call
      WHERE call > moment - make_interval(secs => n.seconds)) || array_fill(moment, ARRAY[n.weight]),
    expires_at = moment + make_interval(secs => n.seconds)
  FROM (
    SELECT u.key, max(u.seconds) AS seconds, max(least(u.weight, u.calls)) AS weight
    FROM unnest(keys, window_seconds, weights, calls_max) AS u (key, seconds, weight, calls) GROUP BY 1) n
  WHERE r.key = n.key;
  RETURN waits;
END
$$;
