# The production image: nothing of loyalty/dev, no compiler, no root.
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/venv
COPY requirements/base.txt /build/requirements.txt
RUN /opt/venv/bin/pip install --require-hashes -r /build/requirements.txt
WORKDIR /app
COPY . .
# Translations are compiled and static files gathered here, so that the container writes nothing at start.
# The settings want secrets even for this; these are thrown away with the command.
RUN /opt/venv/bin/python -m loyalty.dev.messages \
 && rm -rf loyalty/dev \
 && SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    FIELD_KEYS="$(python -c 'import base64, secrets; print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())')" \
    /opt/venv/bin/python manage.py collectstatic --noinput \
 && /opt/venv/bin/python -m compileall -q /opt/venv/lib /app

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /app --shell /usr/sbin/nologin loyalty \
 && mkdir -p /data/media && chown -R loyalty:loyalty /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LOYALTY_ENV=production \
    MEDIA_ROOT=/data/media \
    PORT=8000
USER loyalty
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "loyalty.probe"]
CMD ["sh", "docker/web.sh"]
