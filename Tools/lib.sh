# Shared by the tools: sourced, not run. Sets `root` and goes there.
# shellcheck shell=bash

root=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 69

# Nothing of whoever runs the tools is read by the programs that they try out; the rest is for the
# tests and the build.
for variable in "${!VC_@}"; do
    case $variable in
        VC_FULL | VC_SEED | VC_UPDATE_SNAPSHOTS | VC_WARNINGS_AS_ERRORS) ;;
        *) unset "$variable" ;;
    esac
done
export VC_CONFIG=/dev/null

# How this tool is called, for its messages.
tool="Tools/${0##*/}"

# Exit status as in `vc`: the command line was wrong; something that is needed is not there.
# shellcheck disable=SC2034
readonly exit_usage=64 exit_unavailable=69

complain() {
    printf '%s: %s\n' "$tool" "$1" >&2
}

# Says why and ends: die STATUS SENTENCE
die() {
    complain "$2"
    exit "$1"
}

# need_root PURPOSE COMMAND: ends with the command that has root, and finds the compiler.
need_root() {
    [ "$(id -u)" -eq 0 ] ||
        die "$exit_unavailable" "$1 needs root: sudo env \"PATH=\$PATH\" $2"
}

# The programs as they are installed: optimised, and Swift's own libraries inside.
readonly release=(-c release --static-swift-stdlib)

# build_release PROGRAM…: prints the folder in which they stand then.
build_release() {
    local product
    for product in "$@"; do
        swift build "${release[@]}" --product "$product" >&2 || return 1
    done
    swift build "${release[@]}" --show-bin-path
}
