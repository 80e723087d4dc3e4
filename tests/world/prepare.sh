# shellcheck shell=bash
# What must be on the machine before the world can start: Debian packages, a
# Python environment, GitHub's API description. Each step does nothing when its
# result is there already, and ends the run in words when it fails: a missing
# server must never look like a passed test.
#
# Sourced by tests/run after common.sh, with CACHE set to a folder that outlives
# the run.

PACKAGES="postfix dovecot-imapd dovecot-lmtpd mailman3 publicsuffix python3-venv
  openssl curl strace procps util-linux systemd chromium-headless-shell
  ngircd opendkim dovecot-sieve gettext"
OCTOKIT_OPENAPI=@octokit/openapi@23.0.2

prepare_packages() {
  local wanted=() package version
  for package in $PACKAGES; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      wanted+=("$package")
  done
  # Not by package name: npm also comes with other packages of Node.js.
  command -v npm >/dev/null || wanted+=(npm)
  if [ ${#wanted[@]} -gt 0 ]; then
    say "installing ${wanted[*]}"
    install_packages "${wanted[@]}" >"$CACHE/logs/apt.log" 2>&1 ||
      fail_with_log "installing ${wanted[*]} failed" "$CACHE/logs/apt.log"
  fi
  version=$(dovecot --version)
  # Its configuration language changed incompatibly with 2.4.
  [[ $version == 2.3.* ]] || die "the tests know Dovecot 2.3 (Debian 12), here is $version"
}

# Postfix, Dovecot and Mailman would start as system services at once;
# policy-rc.d forbids that. One that is there already is the owner's word and
# stays. The lock is for two runs at once: the first to end must not remove the
# file under the other's feet.
install_packages() (
  policy=/usr/sbin/policy-rc.d
  flock 9
  if [ ! -e $policy ]; then
    trap 'as_root rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy
    as_root chmod 755 $policy
  fi
  install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      -o DPkg::Lock::Timeout=300 "$@"
  }
  # A fresh machine has package lists that are missing or out of date. In a shell
  # of its own, for what fails as root ends the shell.
  (install "$@") || { as_root apt-get update && install "$@"; }
) 9</usr/sbin

# An environment under target/, made by Debian's Python: one from elsewhere may
# live in a home that the servers' user cannot read.
prepare_python() {
  local list=tests/world/python-packages.txt wanted
  VENV=$CACHE/venv
  # A checkout in a closed home folder: the environment must live elsewhere.
  if ! as_user test -x "$CACHE"; then
    VENV=/var/tmp/buildbot-watch-tests-$EUID-$(cksum <<<"$CACHE" | cut -d' ' -f1)/venv
    mkdir -p "${VENV%/venv}"
    [ -O "${VENV%/venv}" ] || die "${VENV%/venv} belongs to somebody else"
  fi
  export VENV
  wanted="$VENV $(/usr/bin/python3 --version) $(sha256sum <"$list")"
  if [ "$(cat "$VENV/stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
  say "making a Python environment with Roundup and Buildbot"
  rm -rf "$VENV"
  { 
    /usr/bin/python3 -m venv "$VENV" &&
      "$VENV/bin/pip" install --no-input --disable-pip-version-check --no-deps -r "$list" &&
      "$VENV/bin/pip" check
  } >"$CACHE/logs/pip.log" 2>&1 ||
    fail_with_log "making the Python environment failed" "$CACHE/logs/pip.log"
  echo "$wanted" >"$VENV/stamp"
}

# GitHub's own description of its API: tests check with it what the daemon sends
# and what their stand-in for GitHub answers.
prepare_openapi() {
  local slicer=tests/world/github_openapi.py wanted folder
  export BUILDBOT_WATCH_TEST_OPENAPI=$CACHE/github-openapi.json
  wanted="$OCTOKIT_OPENAPI $(sha256sum <"$slicer")"
  if [ -s "$BUILDBOT_WATCH_TEST_OPENAPI" ] &&
    [ "$(cat "$CACHE/openapi.stamp" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  say "fetching GitHub's API description ($OCTOKIT_OPENAPI)"
  folder=$(mktemp -d "$CACHE/openapi.XXXXXX")
  {
    (cd "$folder" && npm pack --no-update-notifier "$OCTOKIT_OPENAPI") &&
      tar -xzf "$folder"/*.tgz -C "$folder" package/generated/api.github.com.json &&
      /usr/bin/python3 "$slicer" "$folder/package/generated/api.github.com.json" \
        "$BUILDBOT_WATCH_TEST_OPENAPI"
  } >"$CACHE/logs/npm.log" 2>&1 ||
    fail_with_log "fetching GitHub's API description failed" "$CACHE/logs/npm.log"
  rm -rf "$folder"
  echo "$wanted" >"$CACHE/openapi.stamp"
}

fail_with_log() {
  tail -n 40 "$2" >&2
  die "$1; the whole log: $2"
}
