# Shared by the scripts: what they need installed, how they build, and a PostgreSQL to test against. Sourced, not run.
# shellcheck shell=bash disable=SC2034 # the scripts that source this use its variables

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=${STREAKD_SCRATCH_PATH:-$project/.build-test}
# One compiler for each module instead of several that all read it, and of debugging information only the lines: a third less to do for a
# whole build. In a folder of its own, so that `swift build` by hand stays incremental.
lean=(-debug-info-format none -Xswiftc -gline-tables-only -Xswiftc -disable-batch-mode -Xswiftc -whole-module-optimization
  -Xswiftc -num-threads -Xswiftc 2)
# scripts/check has warnings as errors: the same for what it calls, or all is built twice.
read -ra more_flags <<< "${STREAKD_SWIFT_FLAGS:-}"
lean+=("${more_flags[@]}")

# Package.swift optimises the domain in these builds.
export STREAKD_TEST_BUILD=1

say() { echo "$(basename "$0"): $*" >&2; }
fail() { say "$@"; exit 1; }

# Debian packages: to build, to run, to regenerate code. Without versions: the archive of a Debian release keeps one version of each package and
# replaces it by security fixes, so a pinned one could not be installed any more soon. The release is the pin; Swift and pip packages are exact.
build_packages=(libprotobuf-c-dev libpq-dev libnghttp2-dev libuv1-dev libsodium-dev libmimalloc-dev zlib1g-dev libssl-dev libsqlite3-dev libutf8proc-dev libcurl4-openssl-dev
  pkg-config)
server_packages=(postgresql util-linux)
test_build_packages=(libhttp-parser-dev)
generator_packages=(protobuf-c-compiler protobuf-compiler libprotobuf-dev)
backup_packages=(postgresql-client zstd age pgbackrest)
test_packages=(postgresql-client pgbouncer python3-venv openssl curl nginx-light msmtp nodejs chromium chromium-driver)
# For scripts/check --failover.
failover_packages=(patroni etcd-server python3-etcd haproxy iproute2)
# For the long tests of the page and of mails.
long_packages=(firefox-esr webkit2gtk-driver xvfb opensmtpd)

# install PACKAGE...: installs what is missing; silent, and without asking for rights, when nothing is.
install() {
  local missing=() package sudo=()
  command -v dpkg-query > /dev/null || { say "not a Debian system: install the equivalents of: $*"; return 0; }
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) == installed ]] || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $EUID -ne 0 ]]; then
    sudo -n true 2> /dev/null || fail "missing packages; as root: apt-get install ${missing[*]}"
    sudo=(sudo -n)
  fi
  say "installing ${missing[*]}"
  local log
  log=$(mktemp)
  # The first try uses the lists the machine has; they may be old or absent.
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
    > "$log" 2>&1 < /dev/null ||
    { "${sudo[@]}" apt-get update > "$log" 2>&1 < /dev/null &&
      "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
        >> "$log" 2>&1 < /dev/null; } ||
    { cat "$log" >&2; rm -f "$log"; fail "could not install ${missing[*]}"; }
  rm -f "$log"
}

need_swift() {
  command -v swift > /dev/null || PATH=$PATH:/opt/swift/usr/bin
  command -v swift > /dev/null || fail "Swift 6.3 is needed: https://www.swift.org/install"
}

# release_program NAME: builds it for release; its path is in $program.
release_program() {
  local build=(--package-path "$project" --scratch-path "$project/.build-release" -c release --static-swift-stdlib)
  need_swift
  swift build "${build[@]}" --product "$1" >&2
  program=$(swift build "${build[@]}" --show-bin-path)/$1
}

# The folder of the newest PostgreSQL's programs.
postgres_programs() {
  local folder
  if [[ -n ${STREAKD_TEST_POSTGRES_PROGRAMS:-} ]]; then
    echo "$STREAKD_TEST_POSTGRES_PROGRAMS"
    return
  fi
  folder=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2> /dev/null | sort -V | tail -n 1)
  [[ -x $folder/postgres ]] || folder=$(dirname "$(command -v postgres)" 2> /dev/null) || fail "PostgreSQL is not installed"
  echo "$folder"
}

# PostgreSQL refuses to run as root.
as_server_user() {
  if [[ $EUID -eq 0 ]]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# start_postgres FOLDER [SETTING=VALUE...]: an empty PostgreSQL on a unix socket in FOLDER; its log is FOLDER/log.
start_postgres() {
  local folder=$1 programs settings=() setting
  shift
  programs=$(postgres_programs)
  chmod 755 "$folder"
  install_folder "$folder/postgres"
  for setting in "$@"; do settings+=(-c "$setting"); done
  (cd / && as_server_user "$programs/initdb" -D "$folder/postgres/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
    > "$folder/postgres.log" 2>&1) || { cat "$folder/postgres.log" >&2; fail "initdb failed"; }
  (cd / && as_server_user "$programs/pg_ctl" -D "$folder/postgres/data" -l "$folder/postgres/log" -w -t 60 \
    -o "-c listen_addresses= -c unix_socket_directories=$folder/postgres -c max_connections=1200 ${settings[*]}" start \
    >> "$folder/postgres.log" 2>&1 < /dev/null) || { cat "$folder/postgres.log" >&2; fail "PostgreSQL did not start"; }
}

stop_postgres() {
  [[ -f $1/postgres/data/postmaster.pid ]] || return 0
  (cd / && as_server_user "$(postgres_programs)/pg_ctl" -D "$1/postgres/data" -m immediate -w stop > /dev/null 2>&1) || true
}

# A folder of the server's user.
install_folder() {
  mkdir -p "$1"
  chmod 700 "$1"
  [[ $EUID -ne 0 ]] || chown postgres "$1"
}

# Debian's Prometheus for the tests, made once: .prometheus. Unpacked and not installed: its package starts a service.
prometheus_programs() {
  local folder=$project/.prometheus sudo=()
  export STREAKD_PROMETHEUS=$folder/usr/bin
  [[ ! -x $STREAKD_PROMETHEUS/prometheus ]] || return 0
  command -v apt-get > /dev/null || { say "not a Debian system: put prometheus and promtool on the path"; return 0; }
  say "making .prometheus"
  [[ $EUID -eq 0 ]] || sudo=(sudo -n)
  rm -rf "$folder"
  mkdir "$folder"
  (cd "$folder" && { apt-get download prometheus > log 2>&1 ||
    { "${sudo[@]}" apt-get update > log 2>&1 && apt-get download prometheus >> log 2>&1; }; } < /dev/null) ||
    { cat "$folder/log" >&2; fail "could not download prometheus"; }
  dpkg -x "$folder"/prometheus_*.deb "$folder"
  rm "$folder"/prometheus_*.deb
}

# PostgreSQL's later major versions for the long tests, made once: .postgres. The folders of their
# programs are in STREAKD_POSTGRES_VERSIONS, with colons between them.
postgres_versions() {
  local requirements=$project/Tests/EndToEnd/postgres_versions.txt folder=$project/.postgres
  if ! cmp -s "$requirements" "$folder/installed.txt"; then
    say "making .postgres"
    rm -rf "$folder"
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target "$folder" -r "$requirements" < /dev/null
    # Their server's user is not the one that installed them.
    find "$folder" -path '*/bin/*' -exec chmod a+rx {} +
    cp "$requirements" "$folder/installed.txt"
  fi
  STREAKD_POSTGRES_VERSIONS=$(find "$folder" -name postgres -path '*/bin/*' -printf '%h\n' | sort | paste -sd :)
  export STREAKD_POSTGRES_VERSIONS
}

# Debian's Node for the long tests, made once: .node. A machine may have a later one installed, and
# the page's modules work with Debian's. Its path is in STREAKD_NODE_DEBIAN.
debian_node() {
  local folder=$project/.node version
  export STREAKD_NODE_DEBIAN=$folder/node
  # Debian's builds load these from their place in the system.
  install node-acorn node-cjs-module-lexer node-undici
  [[ ! -x $STREAKD_NODE_DEBIAN ]] || return 0
  say "making .node"
  rm -rf "$folder"
  mkdir "$folder"
  version=$(apt-cache madison nodejs | awk '/debian/ { print $3; exit }')
  [[ -n $version ]] || fail "Debian's nodejs is not among the packages of this machine: apt-get update"
  (cd "$folder" && apt-get download "nodejs=$version" "libnode*=$version" > log 2>&1 < /dev/null) ||
    { cat "$folder/log" >&2; fail "could not download nodejs"; }
  for package in "$folder"/*.deb; do dpkg -x "$package" "$folder"; done
  rm "$folder"/*.deb
  # shellcheck disable=SC2016
  printf '#!/bin/sh\nfolder=${0%%/*}\nLD_LIBRARY_PATH=$(echo "$folder"/usr/lib/*/) exec "$folder/usr/bin/node" "$@"\n' > "$STREAKD_NODE_DEBIAN"
  chmod 755 "$STREAKD_NODE_DEBIAN"
}

# In the background of a build: what tests need and building does not.
prepare_tests() {
  install "${server_packages[@]}" "${backup_packages[@]}" "${test_packages[@]}"
  python_environment
  prometheus_programs
}

# The tests' Python, made once: .venv, remade when the pinned versions change.
python_environment() {
  local requirements=$project/Tests/EndToEnd/requirements.txt
  if ! cmp -s "$requirements" "$project/.venv/installed.txt"; then
    say "making .venv"
    rm -rf "$project/.venv"
    python3 -m venv "$project/.venv"
    "$project/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements" < /dev/null
    cp "$requirements" "$project/.venv/installed.txt"
  fi
  export STREAKD_PYTHON=$project/.venv/bin/python
}
