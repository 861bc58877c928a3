"""Why a request was not done, as programs tell refusals apart (scim.protocol.errors.Reason).

Rows that are there get theirs from the sentence that was answered then; nothing reads sentences after this.
"""

from django.db import migrations

COLUMN = "ALTER TABLE providers_requestlog ADD COLUMN reason varchar(40) NOT NULL DEFAULT ''"

BACKFILL = """
UPDATE providers_requestlog SET reason = CASE
  WHEN status = 400 AND detail LIKE '% is not as RFC 7643 and RFC 7644 have it:%' THEN 'strict-protocol'
  WHEN status = 400 THEN CASE scim_type
    WHEN 'invalidFilter' THEN 'invalid-filter'
    WHEN 'invalidPath' THEN 'invalid-path'
    WHEN 'invalidSyntax' THEN CASE WHEN detail LIKE '"schemas" must name %' THEN 'missing-schema' ELSE 'invalid-syntax' END
    WHEN 'invalidValue' THEN CASE
      WHEN detail LIKE '"schemas" names %' THEN 'foreign-schema'
      WHEN detail LIKE '%is not an attribute that iProva knows%' THEN 'unknown-attribute'
      WHEN detail LIKE '% is required and has no value%' THEN 'required-attribute'
      WHEN detail LIKE 'These members are not known to this provider%' THEN 'unknown-members'
      WHEN detail LIKE 'These members were deleted%' THEN 'deleted-members'
      WHEN detail LIKE 'No member that the request names is there%' THEN 'no-member-left'
      WHEN detail LIKE 'A value is too large, or of a kind that cannot be stored%' THEN 'not-storable'
      WHEN detail LIKE 'The resource has more than %' THEN 'resource-too-large'
      ELSE 'invalid-value' END
    WHEN 'invalidCursor' THEN 'invalid-cursor'
    WHEN 'expiredCursor' THEN 'expired-cursor'
    WHEN 'invalidCount' THEN 'invalid-count'
    WHEN 'noTarget' THEN 'no-target'
    WHEN 'mutability' THEN CASE
      WHEN detail LIKE '%is immutable%' THEN 'immutable'
      WHEN detail LIKE '%is required and cannot be removed%' THEN 'required-removed'
      ELSE 'read-only' END
    WHEN 'tooMany' THEN CASE WHEN detail LIKE 'The query takes longer%' THEN 'too-costly' ELSE 'too-many' END
    ELSE 'adapter' END
  WHEN status = 401 THEN CASE
    WHEN detail LIKE '%revoked%' THEN 'token-revoked'
    WHEN detail LIKE '%expired%' THEN 'token-expired'
    WHEN detail LIKE '%suspended%' THEN 'token-suspended'
    ELSE 'provider-deleted' END
  WHEN status = 403 THEN CASE
    WHEN detail LIKE '%has rejected%' THEN 'removals-rejected'
    WHEN detail LIKE 'Discovery documents%' THEN 'discovery-filter'
    ELSE 'address-refused' END
  WHEN status = 404 THEN CASE
    WHEN detail LIKE 'There is no SCIM resource at%' OR (detail = '' AND resource_type = '' AND action <> 'look-up')
      THEN 'unknown-route'
    ELSE 'not-found' END
  WHEN status = 405 THEN 'method-not-allowed'
  WHEN status = 409 THEN 'name-taken'
  WHEN status = 412 THEN 'version-mismatch'
  WHEN status = 413 THEN CASE WHEN detail LIKE 'A bulk request%' THEN 'bulk-too-long' ELSE 'body-too-large' END
  WHEN status = 415 THEN 'media-type'
  WHEN status = 501 THEN 'me'
  WHEN status = 503 THEN CASE
    WHEN detail LIKE '%paused%' THEN 'paused'
    WHEN detail LIKE '%holds further ones%' THEN 'removals-held'
    ELSE 'database-away' END
  WHEN status >= 500 THEN 'internal-error'
  ELSE '' END
WHERE status >= 400
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0015_language")]
    operations = [
        migrations.RunSQL(COLUMN, "ALTER TABLE providers_requestlog DROP COLUMN reason"),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
