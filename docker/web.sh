#!/bin/sh
# The web server of the image. WEB_WORKERS processes with WEB_THREADS threads each, one pooled database
# connection for each thread; their metrics meet in one folder that is empty at each start.
set -eu
: "${PORT:=8000}" "${WEB_WORKERS:=2}" "${WEB_THREADS:=8}"
: "${PROMETHEUS_MULTIPROC_DIR:=/tmp/metrics}"
export PROMETHEUS_MULTIPROC_DIR
export DB_POOL_SIZE="${DB_POOL_SIZE:-$WEB_THREADS}"
mkdir -p "$PROMETHEUS_MULTIPROC_DIR"
rm -f "$PROMETHEUS_MULTIPROC_DIR"/*.db
exec python -m granian --interface wsgi --host "${HOST:-0.0.0.0}" --port "$PORT" \
    --workers "$WEB_WORKERS" --blocking-threads "$WEB_THREADS" \
    --workers-kill-timeout 10 --respawn-failed-workers --log-level error \
    loyalty.wsgi:application
