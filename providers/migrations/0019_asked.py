"""What each request asked for: its action, the names it gives a user or group, and the attributes it names.

Rows from before get their action from the events that they caused; rejected ones get it, and their names, from their
bodies as long as these are kept.
"""

from django.db import migrations

COLUMNS = """
-- NFKD, lower case and without accents, as scim.protocol.values.search_key has it.
CREATE FUNCTION providers_search_key(sent text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT replace(lower(regexp_replace(normalize(sent, NFKD), '[\u0300-\u036f]', '', 'g')), 'ß', 'ss')
$$;

-- The earlier names of a user or group in one change event, as such keys. An index calls it without our search path, so
-- it cannot use the function above.
CREATE FUNCTION providers_former_names(changes jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT replace(lower(regexp_replace(
    normalize(coalesce(string_agg(change ->> 'before', ' '), ''), NFKD), '[\u0300-\u036f]', '', 'g')), 'ß', 'ss')
  FROM jsonb_array_elements(changes) change
  WHERE change ->> 'path' IN ('userName', 'displayName', 'externalId', 'nickName') OR change ->> 'path' LIKE 'name.%'
$$;

DROP INDEX providers_requestlog_notable;
ALTER TABLE providers_requestlog DROP COLUMN action;
DROP FUNCTION providers_action(varchar, varchar, text);
CREATE FUNCTION providers_action(method varchar, resource_type varchar, query text, intent varchar) RETURNS varchar
LANGUAGE sql IMMUTABLE AS $$
  SELECT (CASE
    WHEN intent <> '' THEN intent
    WHEN method IN ('GET', 'HEAD', 'OPTIONS') THEN CASE
      WHEN resource_type = '' THEN 'discover'
      WHEN query ~* 'filter=userName(%20|\\+)+eq(%20|\\+)+(%22|")[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(%22|")'
        THEN 'test'
      ELSE 'look-up' END
    WHEN method = 'POST' THEN 'create' WHEN method = 'DELETE' THEN 'remove' ELSE 'update' END)::varchar
$$;

ALTER TABLE providers_requestlog
  ADD COLUMN intent varchar(10) NOT NULL DEFAULT '',
  ADD COLUMN subject text NOT NULL DEFAULT '',
  ADD COLUMN subject_key text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN display_name text NOT NULL DEFAULT '',
  ADD COLUMN external_id text NOT NULL DEFAULT '',
  ADD COLUMN asked jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN rejected jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN part_of uuid;
"""

EARLIER = """
UPDATE providers_requestlog l SET intent = CASE e.kind
    WHEN 'resource.disabled' THEN 'disable' WHEN 'resource.enabled' THEN 'enable' ELSE 'members' END
FROM providers_changeevent e
WHERE e.request_id = l.id AND e.kind IN ('resource.disabled', 'resource.enabled', 'group.members')
  AND l.method IN ('PUT', 'PATCH');

UPDATE providers_requestlog SET intent = CASE
    WHEN resource_type = 'Group' THEN CASE WHEN request_body ~* '"members' THEN 'members' ELSE '' END
    WHEN request_body ~* '"active"\\s*:\\s*"?false' OR request_body ~* 'active"[^{}]*"value"\\s*:[\\s\\[]*"?false'
      OR request_body ~* '"value"\\s*:[\\s\\[]*"?false[^{}]*active"' THEN 'disable'
    WHEN request_body ~* 'active"[^{}]*"value"\\s*:[\\s\\[]*"?true'
      OR request_body ~* '"value"\\s*:[\\s\\[]*"?true[^{}]*active"' THEN 'enable'
    ELSE '' END
WHERE is_problem AND method = 'PATCH' AND request_body <> '';

UPDATE providers_requestlog SET
  subject = coalesce(substring(request_body FROM
    CASE resource_type WHEN 'User' THEN '"userName"\\s*:\\s*"([^"\\\\]{1,200})"'
      ELSE '"displayName"\\s*:\\s*"([^"\\\\]{1,200})"' END), ''),
  display_name = coalesce(substring(request_body FROM '"displayName"\\s*:\\s*"([^"\\\\]{1,200})"'), ''),
  external_id = coalesce(substring(request_body FROM '"externalId"\\s*:\\s*"([^"\\\\]{1,200})"'), '')
WHERE is_problem AND method IN ('POST', 'PUT') AND resource_type IN ('User', 'Group') AND request_body <> '';
UPDATE providers_requestlog SET subject_key = lower(subject) WHERE subject <> '';
"""

INDEXES = """
ALTER TABLE providers_requestlog ADD COLUMN action varchar(10) NOT NULL
  GENERATED ALWAYS AS (providers_action(method, resource_type, query, intent)) STORED;
CREATE INDEX providers_requestlog_notable ON providers_requestlog (id)
  WHERE NOT (action = 'look-up' AND outcome = 'success');
-- The last eight characters of an id, which pages show, and the operations of a bulk request.
CREATE INDEX providers_requestlog_short_id ON providers_requestlog (right(id::text, 8));
CREATE INDEX providers_requestlog_part ON providers_requestlog (part_of) WHERE part_of IS NOT NULL;
-- Users that were never created are found by what was asked for, and others by a former name.
CREATE INDEX providers_requestlog_asked ON providers_requestlog
  USING gin (providers_search_key(subject || ' ' || display_name || ' ' || external_id) gin_trgm_ops)
  WHERE is_problem AND subject || external_id <> '';
CREATE INDEX providers_changeevent_former ON providers_changeevent
  USING gin (providers_former_names(changes) gin_trgm_ops)
  WHERE kind IN ('resource.changed', 'resource.disabled', 'resource.enabled') AND providers_former_names(changes) <> '';
"""

UNDO = """
DROP INDEX providers_changeevent_former, providers_requestlog_asked, providers_requestlog_part,
  providers_requestlog_short_id, providers_requestlog_notable;
ALTER TABLE providers_requestlog DROP COLUMN action;
DROP FUNCTION providers_action(varchar, varchar, text, varchar);
ALTER TABLE providers_requestlog DROP COLUMN intent, DROP COLUMN subject, DROP COLUMN subject_key,
  DROP COLUMN display_name, DROP COLUMN external_id, DROP COLUMN asked, DROP COLUMN rejected, DROP COLUMN part_of;
DROP FUNCTION providers_former_names, providers_search_key;
CREATE FUNCTION providers_action(method varchar, resource_type varchar, query text) RETURNS varchar
LANGUAGE sql IMMUTABLE AS $$
  SELECT (CASE
    WHEN method IN ('GET', 'HEAD', 'OPTIONS') THEN CASE
      WHEN resource_type = '' THEN 'discover'
      WHEN query ~* 'filter=userName(%20|\\+)+eq(%20|\\+)+(%22|")[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(%22|")'
        THEN 'test'
      ELSE 'look-up' END
    WHEN method = 'POST' THEN 'create' WHEN method = 'DELETE' THEN 'remove' ELSE 'update' END)::varchar
$$;
ALTER TABLE providers_requestlog
  ADD COLUMN action varchar(10) NOT NULL GENERATED ALWAYS AS (providers_action(method, resource_type, query)) STORED;
CREATE INDEX providers_requestlog_notable ON providers_requestlog (id)
  WHERE NOT (action = 'look-up' AND outcome = 'success');
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0018_outcomes")]
    operations = [migrations.RunSQL([COLUMNS, EARLIER, INDEXES], UNDO)]
