#!/usr/bin/env bash
# Counts the instructions that decoding recorded replies takes (crates/jmx-rmi/benches/codec.rs) under valgrind's
# callgrind, and fails if one kind takes more than 5 % more than crates/jmx-rmi/benches/instructions.txt says.
# `scripts/instructions.sh write` writes that file anew.
set -eu
cd "$(dirname "$0")/.."

readonly NUMBERS=crates/jmx-rmi/benches/instructions.txt
readonly TIMES=500     # so often that the start of the process does not count
readonly WORSE=105     # percent

say() { printf '%s\n' "$*" >&2; }

command -v valgrind > /dev/null || { say "valgrind is missing; run as root: apt-get install -y --no-install-recommends valgrind"; exit 1; }

program=$(${CARGO:-cargo} bench --quiet -p jmx-rmi --bench codec --no-run --message-format=json \
    | sed -n 's/.*"name":"codec".*"executable":"\([^"]*\)".*/\1/p')
[ -x "$program" ] || { say "cargo built no benchmark"; exit 1; }
counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT

# count KIND TIMES: instructions of a run.
count() {
    valgrind --tool=callgrind --callgrind-out-file="$counts/out" "$program" "$1" "$2" > "$counts/log" 2>&1 \
        || { cat "$counts/log" >&2; return 1; }
    sed -n 's/^summary: *\([0-9]*\).*/\1/p' "$counts/out"
}

# Instructions per pass over the captures of a kind: what one more pass costs.
measure() {
    local kind first all
    for kind in gauge meter histogram composite names info; do
        first=$(count "$kind" 1)
        all=$(count "$kind" $((TIMES + 1)))
        echo "$kind $(((all - first) / TIMES))"
    done
}

measure > "$counts/now"
if [ "${1:-}" = write ]; then
    {
        echo "# Instructions per pass over the captures of a kind, counted by make instructions (x86-64, $(rustc --version | cut -d ' ' -f 1,2))."
        echo "# scripts/instructions.sh write writes them anew; other compilers count a few percent differently."
        cat "$counts/now"
    } > "$NUMBERS"
fi
awk -v worse="$WORSE" 'FNR == NR { if ($1 !~ /^#/) was[$1] = $2; next }
    { percent = 100 * $2 / was[$1]; printf "%-10s %8d, was %8d: %5.1f %%\n", $1, $2, was[$1], percent; if (percent > worse) bad = 1 }
    END { if (bad) { print "more than 5 % more: find out why, or say so by scripts/instructions.sh write"; exit 1 } }' \
    "$NUMBERS" "$counts/now"
