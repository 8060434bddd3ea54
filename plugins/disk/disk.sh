#!/bin/sh
# A Runnel plugin of the protocol `exec` in shell: JSON lines on standard output, everything else on standard error.
# It has no settings, so it does not read standard input.
if ! line=$(df -kP "$RUNNEL_PROJECT" | tail -n 1) || [ -z "$line" ]; then
    printf '{"type":"error","code":"no-disk","message":"df does not know the project'\''s disk"}\n'
    exit 0
fi
printf '%s\n' "$line" | awk '{
    printf "{\"type\":\"result\",\"output\":{\"size\":%.0f,\"used\":%.0f,\"free\":%.0f,\"percent\":%d}}\n",
        $2 * 1024, $3 * 1024, $4 * 1024, $5
}'
