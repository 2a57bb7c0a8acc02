#!/bin/sh
# Run once by the Postgres image, on an empty volume: the owner of the database (migrations, provisioning)
# and the login of web, worker and dispatcher, which has no right on any brand's schema (tenants/roles.py).
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v owner_password="$POSTGRES_OWNER_PASSWORD" -v app_password="$POSTGRES_APP_PASSWORD" <<'SQL'
CREATE ROLE loyalty_owner LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE ROLE loyalty_app LOGIN NOINHERIT PASSWORD :'app_password';
CREATE DATABASE loyalty OWNER loyalty_owner;
REVOKE ALL ON DATABASE loyalty FROM PUBLIC;
GRANT CONNECT ON DATABASE loyalty TO loyalty_app;
SQL
