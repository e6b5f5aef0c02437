#!/usr/bin/env bash
# Brings the mlbuild binary of this very version of the action, and becomes it. Everything else is in the binary.
#
#   launch.sh plan             says how the binary will arrive, as step outputs: source, cache-key, cache-path
#   launch.sh run [ARG…]       brings the binary, then runs `mlbuild action ARG…`
#   launch.sh finalize         runs `mlbuild action --finalize` with the binary that `run` brought; brings nothing
#
# Sources, the first that applies: the input binary-path; the asset that manifest.json names for this platform, its size and
# SHA-256 checked before it may run; a build of this checkout with the runner's cargo. An asset that is named and cannot be had
# is an error, never a reason to build. README.md beside this file has the manifest's layout.
set -euo pipefail
export LC_ALL=C
unset BASH_ENV ENV

fail() {
  printf '::error title=mlbuild::%s\n' "$1"
  exit 2
}

[ -n "${RUNNER_TEMP:-}" ] || fail "RUNNER_TEMP is not set: this launcher is for GitHub Actions; at a desk run mlbuild itself"
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
home=${RUNNER_TEMP//\\//}/mlbuild-action
hasher=(sha256sum)
command -v sha256sum >/dev/null || hasher=(shasum -a 256)

case ${RUNNER_OS:-}-${RUNNER_ARCH:-} in
  Linux-X64) target=x86_64-unknown-linux-gnu ;;
  Linux-ARM64) target=aarch64-unknown-linux-gnu ;;
  macOS-X64) target=x86_64-apple-darwin ;;
  macOS-ARM64) target=aarch64-apple-darwin ;;
  Windows-X64) target=x86_64-pc-windows-msvc ;;
  Windows-ARM64) target=aarch64-pc-windows-msvc ;;
  *) target=unknown ;;
esac
name=mlbuild
case $target in *windows*) name=mlbuild.exe ;; esac

# Reads the manifest's line for this platform into url, size and digest. No line: status 1. A line of another shape: refused.
asset() {
  local line
  local shape='^ *"[a-z0-9_-]+": \{"url": "(https://[A-Za-z0-9./_~%+-]+)", "size": ([1-9][0-9]{0,9}), "sha256": "([0-9a-f]{64})"\},?$'
  line=$(grep -F "\"$target\"" "$here/manifest.json") || return 1
  [[ $line =~ $shape ]] || fail "dist/manifest.json: the entry of $target is not one line of url, size and sha256"
  url=${BASH_REMATCH[1]}
  size=${BASH_REMATCH[2]}
  digest=${BASH_REMATCH[3]}
}

# Says what is wrong with a file that should be the asset, and returns 1; says nothing of the right one.
genuine() {
  local bytes found
  bytes=$(($(wc -c <"$1")))
  found=$("${hasher[@]}" <"$1")
  found=${found%% *}
  if [ "$bytes" -ne "$size" ]; then
    printf 'it has %s bytes, expected %s' "$bytes" "$size"
    return 1
  elif [ "$found" != "$digest" ]; then
    printf 'its SHA-256 is %s, expected %s' "$found" "$digest"
    return 1
  fi
}

download() {
  local from=$url part=$binary.part wrong
  if [ -n "${INPUT_MIRROR:-}" ]; then
    [[ $INPUT_MIRROR =~ ^https://[^[:space:]]+$ ]] || fail "the input mirror must be an https:// address"
    from=${INPUT_MIRROR%/}/${url#https://*/}
  fi
  curl --proto '=https' --proto-redir '=https' --tlsv1.2 --fail --silent --show-error --location --retry 3 \
    --connect-timeout 30 --max-time 600 --max-filesize "$size" --output "$part" -- "$from" ||
    fail "cannot download mlbuild from $from: check the network, or use the input mirror or binary-path"
  wrong=$(genuine "$part") || {
    rm -f -- "$part"
    fail "what $from sent is not the binary that this version of the action names, so it was not run: $wrong"
  }
  chmod 0755 "$part"
  mv -f -- "$part" "$binary"
}

build() {
  command -v cargo >/dev/null ||
    fail "no mlbuild binary for ${RUNNER_OS:-}-${RUNNER_ARCH:-} in this version, and no cargo to build one: install Rust before this step, or use the input binary-path"
  printf '::notice title=mlbuild::%s\n' "this version of the action names no binary for $target: building it with $(cd -- "$here/.." && cargo --version)"
  # The build sees no token, and nothing that earlier steps set for builds of their own.
  (
    unset INPUT_TOKEN GITHUB_TOKEN GH_TOKEN ACTIONS_RUNTIME_TOKEN ACTIONS_ID_TOKEN_REQUEST_TOKEN
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_BUILD_TARGET RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
    cd -- "$here/.."
    CARGO_TARGET_DIR=$home/target exec cargo build --release --locked --bin mlbuild
  ) >&2 || fail "cargo could not build mlbuild, its output is above; the input binary-path takes a binary that was built elsewhere"
  mv -f -- "$home/target/release/$name" "$binary"
}

# Sets binary, the path that it has or will have, and source: path, download or build.
locate() {
  if [ -n "${INPUT_BINARY_PATH:-}" ]; then
    source=path
    binary=$INPUT_BINARY_PATH
    case $binary in */* | *\\*) ;; *) binary=./$binary ;; esac
  elif asset; then
    source=download
    binary=$home/downloaded/$name
  else
    source=build
    binary=$home/built/$name
  fi
}

# True where the binary is there and is what it should be.
present() {
  [ -f "$binary" ] && [ -x "$binary" ] && { [ "$source" != download ] || genuine "$binary" >/dev/null; }
}

locate
case ${1:-} in
  plan)
    key=
    if [ "$source" = build ]; then
      # A runner does not tell an action its own commit; a digest of checkout, compiler and C library says as much.
      key=$(
        cd -- "$here/.."
        find . \( -name .git -o -name .mlbuild -o -name target \) -prune -o -type f -exec "${hasher[@]}" {} + | sort
        rustc -vV 2>/dev/null || true
        getconf GNU_LIBC_VERSION 2>/dev/null || true
      )
      key=$(printf '%s' "$key" | "${hasher[@]}")
      key=mlbuild-$target-${ImageOS:-any}-${key%% *}
    fi
    printf 'source=%s\ncache-key=%s\ncache-path=%s\n' "$source" "$key" "$home/built" >>"${GITHUB_OUTPUT:?}"
    ;;
  run)
    shift
    if ! present; then
      mkdir -p -- "$home/downloaded" "$home/built"
      case $source in
        path) fail "the input binary-path is not an executable file: $binary" ;;
        download) download ;;
        build) build ;;
      esac
    fi
    exec "$binary" action "$@"
    ;;
  finalize)
    if present; then exec "$binary" action --finalize; fi
    echo "mlbuild never started, so there is no check run to complete"
    ;;
  *) fail "launch.sh: expected plan, run or finalize, found: ${1:-nothing}" ;;
esac
