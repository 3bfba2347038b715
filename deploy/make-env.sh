#!/usr/bin/env bash
# Writes deploy/.env, the settings of deploy/compose.yaml, with secrets of its own; never over one that is there.
# Usage: deploy/make-env.sh [SITE]; SITE is the name or address that callers use, localhost unless told
set -euo pipefail
cd "$(dirname "$0")"

site=${1:-localhost}
secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# With noclobber the shell makes the file itself, or fails.
umask 077
set -o noclobber
cat >.env <<END
# Settings of deploy/compose.yaml. Secrets: keep this file to yourself, and a copy where the backups are.
SITE=$site
POSTGRES_PASSWORD=$(secret)
S3_ACCESS_KEY=zoetrope
S3_SECRET_KEY=$(secret)
ZOETROPE_SIGNING_SECRET=$(secret)
ZOETROPE_JWT_SECRET=$(secret)
# Where callers' browsers find the S3 server; the containers must find it under the same name.
S3_ENDPOINT=http://s3.localhost:9000
# Where the model is paid for; without it the local renderer is used.
REPLICATE_API_TOKEN=
ZOETROPE_DAILY_BUDGET_USD=
ZOETROPE_ALERT_WEBHOOK_URL=
# bubblewrap: nothing is decoded without the wall around ffmpeg. limits: without it, where the host forbids it.
ZOETROPE_SANDBOX=bubblewrap
END
echo "deploy/.env is written; now: docker compose --file deploy/compose.yaml up --build --detach" >&2
