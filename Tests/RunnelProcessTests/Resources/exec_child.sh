#!/bin/sh
# A plugin in shell that does not even read its request.
printf '{"type":"note","text":"%s"}\n' "$1"
printf '{"type":"result","output":{"from":"shell"}}\n'
