from decimal import Decimal

from django.db import migrations, models

import loyalty.lib.ids

# Written once: the brand's role may only add (INSERT_ONLY_TABLES), and the owner would have to drop these.
GUARDS = """
CREATE FUNCTION {schema}.analytics_refuse_rewrite() RETURNS trigger
LANGUAGE plpgsql SET search_path = {schema} AS $$
BEGIN
  RAISE EXCEPTION 'what finance has closed is only ever added to' USING ERRCODE = 'PL090';
END $$;
CREATE TRIGGER analytics_monthclose_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.analytics_monthclose
  FOR EACH STATEMENT EXECUTE FUNCTION {schema}.analytics_refuse_rewrite();
CREATE TRIGGER analytics_unitcost_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.analytics_unitcost
  FOR EACH STATEMENT EXECUTE FUNCTION {schema}.analytics_refuse_rewrite();
"""


def guard(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        cursor.execute(GUARDS.replace("{schema}", cursor.fetchone()[0]))


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0001_verification"),
    ]

    operations = [
        migrations.CreateModel(
            name="MonthClose",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=loyalty.lib.ids.new, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("month", models.DateField(unique=True, verbose_name="month")),
                ("starts_at", models.DateTimeField(verbose_name="begins")),
                ("ends_at", models.DateTimeField(verbose_name="ends")),
                ("content", models.TextField(verbose_name="content")),
                ("digest", models.CharField(max_length=64, verbose_name="digest")),
                ("locked_at", models.DateTimeField(verbose_name="closed")),
                ("actor", models.TextField(verbose_name="actor")),
            ],
            options={
                "verbose_name": "month-end close",
                "verbose_name_plural": "month-end closes",
            },
        ),
        migrations.CreateModel(
            name="UnitCost",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=loyalty.lib.ids.new, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("points_currency", models.TextField(verbose_name="points currency")),
                (
                    "cost",
                    models.DecimalField(decimal_places=6, max_digits=14, verbose_name="cost of a point"),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("valid_from", models.DateTimeField(verbose_name="valid from")),
                ("set_at", models.DateTimeField(verbose_name="set")),
                ("actor", models.TextField(verbose_name="actor")),
            ],
            options={
                "verbose_name": "unit cost",
                "verbose_name_plural": "unit costs",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("cost__gte", Decimal("0"))),
                        name="analytics_unitcost_not_negative",
                    )
                ],
            },
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
