#!/usr/bin/env bash
# Builds the package, and sees to it that the wheel holds the package and nothing else.
set -euo pipefail

dist=$(mktemp -d)
trap 'rm -rf "$dist" "$dist.log" build' EXIT
"$BIN/python" -W error::DeprecationWarning -m build --outdir "$dist" . >"$dist.log" 2>&1 || { cat "$dist.log"; exit 1; }
"$BIN/twine" check --strict "$dist"/*
odd=$("$BIN/python" -m zipfile --list "$dist"/*.whl | awk 'NR > 1 {print $1}' \
    | grep -vE '^(airflow_provider_heap/(.+\.py|py\.typed|sandbox/page/[a-z]+\.(html|css|js)|ui/static/[a-z-]+\.(css|js|svg))|airflow_provider_heap-[^/]+\.dist-info/.+)$' || true)
if [ -n "$odd" ]; then
    echo "The wheel holds what it should not:"
    echo "$odd"
    exit 1
fi
