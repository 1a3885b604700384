#!/usr/bin/env bash
# Installs what the build, the tests and the demo need, on Debian and Ubuntu, where it may (root, or sudo without a
# password). Otherwise it prints the exact line to run and ends with 1. Nothing happens when all is there.
# With the argument `features` also what the build's features gssapi and oidc, and their tests, need; with `pictures` also a
# browser and a font, for `make pictures`.
set -eu

readonly OLDEST_JDK=21      # Elasticsearch 9
readonly SECOND_JDK=17      # what many brokers still run on; tests start servers under both
readonly OLDEST_RUST=1.95   # rust-version in Cargo.toml

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# Names of the packages that are missing, found out without dpkg: it takes longer than all the rest.
missing_packages() {
    local pair
    for pair in gcc:gcc g++:g++ make:make pkg-config:pkg-config mvn:maven setpriv:util-linux curl:curl; do
        command -v "${pair%%:*}" > /dev/null || echo "${pair#*:}"
    done
    [ -e /usr/include/zlib.h ] || echo zlib1g-dev
    [ -e /usr/include/openssl/ssl.h ] || echo libssl-dev
}

# The same for the features gssapi and oidc: headers, Cyrus SASL's module, and a KDC.
missing_for_features() {
    [ -e /usr/include/sasl/sasl.h ] || echo libsasl2-dev
    [ -e /usr/include/krb5.h ] || echo libkrb5-dev
    find /usr/include -path '*curl/curl.h' | grep -q . || echo libcurl4-openssl-dev
    find /usr/lib -name 'libgssapiv2.so' | grep -q . || echo libsasl2-modules-gssapi-mit
    command -v kinit > /dev/null || echo krb5-user
    PATH="$PATH:/usr/sbin" command -v krb5kdc > /dev/null || echo krb5-kdc
    PATH="$PATH:/usr/sbin" command -v kadmin.local > /dev/null || echo krb5-admin-server
}

# The same for `make pictures`.
missing_for_pictures() {
    command -v chromium > /dev/null || echo chromium
    find /usr/share/fonts -name 'DejaVuSans.ttf' 2> /dev/null | grep -q . || echo fonts-dejavu-core
}

# Prints the version of the JDK in the folder, if it has one. Every JDK says it in a file: JAVA_VERSION="21.0.5".
jdk_version() {
    local line major
    [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 0
    line=$(grep '^JAVA_VERSION=' "$1/release") || return 0
    major=${line#*\"}
    echo "${major%%[!0-9]*}"
}

is_new_jdk() {
    local major
    major=$(jdk_version "$1")
    [ -n "$major" ] && [ "$major" -ge "$OLDEST_JDK" ]
}

is_second_jdk() {
    [ "$(jdk_version "$1")" = "$SECOND_JDK" ]
}

# True if one of the folders that tests/stack/src/jdk.rs looks into passes the check.
any_jdk() {
    local home
    for home in "${JAVA_HOME:-}" /usr/lib/jvm/* "${HOME:-/nowhere}"/.sdkman/candidates/java/*; do
        if "$1" "$home"; then return 0; fi
    done
    return 1
}

have_jdk() {
    if [ -n "${BROKERBEAT_JDK:-}" ]; then
        is_new_jdk "$BROKERBEAT_JDK" || fail "BROKERBEAT_JDK=$BROKERBEAT_JDK is not a JDK of $OLDEST_JDK or newer"
        return 0
    fi
    any_jdk is_new_jdk
}

# The oldest package that is new enough, or nothing: the nearer to what old servers were made for, the better.
jdk_package() {
    apt-cache search --names-only '^openjdk-[0-9]+-jdk-headless$' \
        | sed -E 's/^openjdk-([0-9]+)-.*/\1/' | sort -n \
        | awk -v oldest="$OLDEST_JDK" '$1 >= oldest {print "openjdk-" $1 "-jdk-headless"; exit}'
}

# Prints the words in front of a command that needs root; fails where we may not.
root_prefix() {
    if [ "$(id -u)" = 0 ]; then return 0; fi
    sudo -n true 2> /dev/null || return 1
    echo sudo
}

install_packages() {
    local prefix line="apt-get update && apt-get install -y --no-install-recommends $*"
    command -v apt-get > /dev/null || fail "this is neither Debian nor Ubuntu; install what these packages have: $*"
    prefix=$(root_prefix) || fail "run as root: $line"
    say "installing: $*"
    # shellcheck disable=SC2086 # an empty prefix must vanish
    $prefix env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" > /dev/null || fail "could not install them; run as root: $line"
}

# Package lists are old or absent on a fresh machine.
update_lists() {
    local prefix
    command -v apt-get > /dev/null || return 0
    prefix=$(root_prefix) || return 0
    say "apt-get update"
    # shellcheck disable=SC2086
    $prefix apt-get update > /dev/null || say "apt-get update failed; going on with the lists that are there"
}

temurin_line() {
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
    local site=https://packages.adoptium.net/artifactory key=/usr/share/keyrings/adoptium.asc
    echo "curl -fsSL $site/api/gpg/key/public -o $key" \
        "&& echo 'deb [signed-by=$key] $site/deb $codename main' > /etc/apt/sources.list.d/adoptium.list" \
        "&& apt-get update && apt-get install -y temurin-21-jdk"
}

install_jdk() {
    local package=
    if command -v apt-cache > /dev/null; then package=$(jdk_package); fi
    if [ -n "$package" ]; then
        install_packages "$package"
        return 0
    fi
    say "no JDK of $OLDEST_JDK or newer is installed, and this distribution has none."
    say "Set BROKERBEAT_JDK to the folder of one, or run as root:"
    fail "$(temurin_line)"
}

# Not worth a failure: the tests that compare JDKs then have one less, and say so.
install_second_jdk() {
    local package=openjdk-$SECOND_JDK-jdk-headless
    if ! command -v apt-cache > /dev/null || [ -z "$(apt-cache search --names-only "^$package\$")" ]; then
        say "no JDK $SECOND_JDK is installed, and this distribution has none: servers are tested under newer ones only."
        return 0
    fi
    install_packages "$package"
}

check_rust() {
    local version
    PATH="$PATH:${HOME:-}/.cargo/bin"
    if ! version=$(cargo --version 2> /dev/null); then
        fail "cargo is missing; run: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env"
    fi
    version=${version#cargo }
    version=${version%% *}
    if [ "$(printf '%s\n' "$OLDEST_RUST" "$version" | sort -V | head -n 1)" != "$OLDEST_RUST" ]; then
        fail "cargo $version is older than $OLDEST_RUST; run: rustup update stable"
    fi
}

main() {
    local missing
    mapfile -t missing < <(
        missing_packages
        if [ "${1:-}" = features ]; then missing_for_features; fi
        if [ "${1:-}" = pictures ]; then missing_for_pictures; fi
    )
    if [ "${#missing[@]}" -gt 0 ] || ! have_jdk; then update_lists; fi
    if [ "${#missing[@]}" -gt 0 ]; then install_packages "${missing[@]}"; fi
    have_jdk || install_jdk
    any_jdk is_second_jdk || install_second_jdk
    check_rust
}

main "$@"
