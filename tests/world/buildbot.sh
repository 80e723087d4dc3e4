#!/bin/bash
# Buildbot 4.3 master and worker: the CI server. Its REST interface is at
# http://127.0.0.1:$PORT_BUILDBOT/api/v2. When this script ends there are two
# builds of the main builder: number 1 green, number 2 red. Number 1 of the
# scripted one is red, and its log is deleted.
. "$(dirname "$0")/common.sh"

HERE=$(cd "$(dirname "$0")" && pwd)
D=$WORLD/buildbot
user_dir "$D"
cp "$HERE/buildbot/failing_test_log.txt" "$D/"
export FAILING_TEST_LOG=$D/failing_test_log.txt
base=http://127.0.0.1:$PORT_BUILDBOT

{
  as_user "$VENV/bin/buildbot" create-master -r "$D/master"
  cp "$HERE/buildbot/master.cfg" "$D/master/"
  as_user "$VENV/bin/buildbot-worker" create-worker "$D/worker" \
    "127.0.0.1:$PORT_BUILDBOT_WORKER" angelico-debian-amd64 pw
} >"$WORLD/logs/buildbot-install.out" 2>&1
run_user_server buildbot-master "$VENV/bin/buildbot" start --nodaemon "$D/master"
wait_until 180 "Buildbot's worker port" port_open "$PORT_BUILDBOT_WORKER"
run_user_server buildbot-worker "$VENV/bin/buildbot-worker" start --nodaemon "$D/worker"
wait_until 180 "Buildbot's REST interface" port_open "$PORT_BUILDBOT"

# A change is what starts a build (form-encoded; `files` is a JSON list).
push() { # push REVISION COMMENT
  curl --silent --show-error --fail --max-time 30 "$base/change_hook/base" \
    --data-urlencode 'author=Committer A <committer-a@example.org>' \
    --data-urlencode "revision=$1" --data-urlencode "comments=$2" \
    -d branch=main -d project=cpython -d 'repository=https://github.com/python/cpython' \
    --data-urlencode 'files=["Modules/posixmodule.c"]' \
    >>"$WORLD/logs/buildbot-rest.out" 2>&1
}

# A scheduler's page is the other way.
force() { # force SCHEDULER PARAMETERS
  curl --silent --show-error --fail --max-time 30 "$base/api/v2/forceschedulers/$1" \
    --json "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"force\", \"params\": $2}" \
    >>"$WORLD/logs/buildbot-rest.out" 2>&1
}

# build_ended BUILDER NUMBER RESULTS (0 success, 2 failure)
build_ended() {
  curl --silent --fail "$base/api/v2/builders/$1/builds?number=$2&complete=true&results=$3" |
    grep '"number"'
}

# The part of an address that stands for a builder's name.
MAIN=AMD64%20Debian%20root%203.x
SCRIPTED=AMD64%20Scripted%20%2B%20LTO%203.x

# A build that is wanted before there is a worker may wait for long.
worker_attached() {
  curl --silent --fail "$base/api/v2/workers" | tr -d ' \n' | grep '"connected_to":\[{'
}
wait_until 180 "Buildbot's worker" worker_attached

force scripted '{"test": "echo FAIL: test_gone; exit 2"}'
wait_until 180 "Buildbot's build whose log is deleted" build_ended "$SCRIPTED" 1 2
sleep 1 # the janitor counts seconds
force janitor '{}'
wait_until 180 "Buildbot's janitor" build_ended janitor 1 0

push 0000000000000000000000000000000000000001 'gh-133700: A change that is fine (GH-133701)'
wait_until 180 "Buildbot's green build" build_ended "$MAIN" 1 0
push 6f1f3b9f3ad5d0d1a9ce1e2b6f7a1c5a4d1b2c3e 'gh-133710: Rework os.memfd_create() (GH-133711)'
wait_until 180 "Buildbot's red build" build_ended "$MAIN" 2 2
