# shellcheck shell=bash
# Helpers for tests/run and for every server script in this folder.
#
# A server script is run with these variables set by tests/run:
#   WORLD       the folder that belongs to this run alone
#   VENV        the Python environment with Roundup and Buildbot
#   PORT_*      one free port on 127.0.0.1 for each listener (see ports.py)

set -euo pipefail

# Shared by everything in the world, so that no test has to guess a name.
# (Several are used only by the scripts that source this file.)
# shellcheck disable=SC2034
{
  export MAIL_DOMAIN=example.test
  export LIST_DOMAIN=lists.example.test
  export LIST_ADDRESS=buildbot-status@lists.example.test
  # In which lists speak besides English; see mailman.sh.
  export LIST_LANGUAGES="de fr ja"
  export MAIL_PASSWORD=pw
  export MAILMAN_USER=restadmin
  export MAILMAN_PASSWORD=restpass
  # Several trackers alike, so that tests that count issues need not share one.
  export ROUNDUP_TRACKERS="demo t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11 listing strict \
crash-first crash-idle crash1 crash2 crash3 crash4 crash5 crash6 crash7 crash8"
}

say() { printf '== %s\n' "$*" >&2; }

die() {
  printf 'tests/run: %s\n' "$*" >&2
  exit 1
}

# Root needs no help; anybody else needs sudo for packages and for Postfix.
AS_ROOT=()
if [ "$EUID" -ne 0 ]; then AS_ROOT=(sudo -n --); fi
as_root() { "${AS_ROOT[@]}" "$@" || die "this failed, as root or with sudo: $*"; }

# The servers refuse root (Roundup, Mailman) or need none, so they run as the
# caller, or as nobody when the caller is root. setpriv and env replace
# themselves by the program, so the pid we note is the program's. They start in a
# folder that their user can enter: the checkout may lie in a closed home.
AS_USER=()
if [ "$EUID" -eq 0 ]; then
  AS_USER+=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)
fi
AS_USER+=(env --chdir="$WORLD/home" HOME="$WORLD/home")
as_user() { "${AS_USER[@]}" "$@"; }

# A folder the servers' user may write in.
user_dir() {
  mkdir -p "$@"
  if [ "$EUID" -eq 0 ]; then chown nobody:nogroup "$@"; fi
}

# run_server NAME COMMAND...: starts it in a process group of its own and notes
# the pid, which is all that stop_servers trusts.
run_server() {
  local name=$1
  shift
  setsid "$@" </dev/null >"$WORLD/logs/$name.out" 2>&1 &
  echo $! >"$WORLD/pids/$name"
}

run_user_server() {
  local name=$1
  shift
  run_server "$name" "${AS_USER[@]}" "$@"
}

# wait_until SECONDS WHAT COMMAND...: polls, and fails in words. A server of this
# script that has died is not waited for.
wait_until() {
  local seconds=$1 what=$2 deadline file
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || die "$what did not come up within $seconds s"
    for file in "$WORLD/pids/$(basename "$0" .sh)"*; do
      [ ! -e "$file" ] || [ -d "/proc/$(<"$file")" ] || die "${file##*/} died"
    done
    sleep 0.05
  done
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# stop_groups FILE...: stops the process groups noted in these files: TERM, and
# KILL after 3 s. Nothing is looked up by name, so another run is never touched.
stop_groups() {
  local file groups=() deadline=$((SECONDS + 3))
  for file in "$@"; do
    if [ -s "$file" ]; then groups+=("-$(<"$file")"); fi
  done
  signal_groups TERM "${groups[@]}"
  while groups_alive "${groups[@]}" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
  signal_groups KILL "${groups[@]}"
}

# Through sudo when needed: Postfix runs as root.
signal_groups() {
  local signal=$1 group
  shift
  for group in "$@"; do
    groups_alive "$group" || continue
    kill "-$signal" -- "$group" 2>/dev/null ||
      "${AS_ROOT[@]}" kill "-$signal" -- "$group" 2>/dev/null || true
  done
}

# A group is looked up in the process table, because `kill -0` needs rights.
groups_alive() {
  local group
  for group in "$@"; do
    if pgrep -g "${group#-}" >/dev/null; then return 0; fi
  done
  return 1
}
