#!/usr/bin/env bash
# Fuzzes every target of crates/jmx-rmi/fuzz and of fuzz for FUZZ_MINUTES (20), one after another, and writes what was done to
# docs/proofs/fuzz.md (FUZZ_PROOF). What the fuzzer learnt stays in the target folder: a later run goes on from there, and the minutes
# of all runs add up. Arguments: the targets, if not all of them; or `totals`, which only adds up anew.
set -eu
cd "$(dirname "$0")/.."

readonly CRATE=crates/jmx-rmi
readonly PROOF=${FUZZ_PROOF:-docs/proofs/fuzz.md}
readonly MINUTES=${FUZZ_MINUTES:-20}
readonly SEED=${FUZZ_SEED:-$(date +%s)}
# One run: at most this many bytes in, in memory (of which the sanitizer takes most), and seconds.
readonly LIMITS=(-max_len=65536 -rss_limit_mb=768 -timeout=5)
# The targets of the codec, and those of the program.
readonly OF_CODEC="decode reply chunks object_name"
readonly OF_PROGRAM="records answers"
# The header of a return (10.2 of the RMI specification) in front of the object stream.
readonly RETURN_HEADER=22

TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")
readonly TARGET_DIR
readonly STATE=$TARGET_DIR/fuzz-state

say() { printf '%s\n' "$*" >&2; }

need() {
    rustup toolchain list 2> /dev/null | grep -q nightly || { say "fuzzing needs a nightly toolchain; run: rustup toolchain install nightly"; exit 1; }
    command -v cargo-fuzz > /dev/null || cargo install --locked cargo-fuzz
}

# limit TARGET: megabytes of one allocation. A block of the queue says how long its text is, 256 MiB at most.
limit() { case $1 in records) echo 300 ;; *) echo 32 ;; esac; }

# The first inputs: the recorded replies and the names in the tests' tables. They are in the repository once, as those.
seed_corpus() {
    local file name
    mkdir -p "$STATE/seeds"/{decode,reply,chunks,object_name}
    for file in "$CRATE"/tests/data/*.bin; do
        name=$(basename "$file" .bin)
        cp "$file" "$STATE/seeds/reply/$name"
        tail -c +$((RETURN_HEADER + 1)) "$file" > "$STATE/seeds/decode/$name"
        { printf 'cut here'; cat "$STATE/seeds/decode/$name"; } > "$STATE/seeds/chunks/$name"
    done
    printf '\x4e\x00\x09127.0.0.1\x00\x00\xd4\x31' > "$STATE/seeds/reply/handshake"
    # Two columns of a table are a pair to compare; \377 separates them.
    cut -f 1,2 "$CRATE"/tests/data/object-name-*.tsv | sort -u | awk -F '\t' -v folder="$STATE/seeds/object_name" \
        '{ file = folder "/" NR; printf "%s\377%s", $1, $2 > file; close(file) }'
    # A queue as an agent leaves it, and answers as Elasticsearch gives them.
    "$TARGET_DIR/$HOST/release/seeds" "$STATE/seeds"
    # Inputs that once broke something.
    for file in "$CRATE"/fuzz/regressions/*/* fuzz/regressions/*/*; do
        [ -e "$file" ] || continue
        cp "$file" "$STATE/seeds/$(basename "$(dirname "$file")")/regression-$(basename "$file")"
    done
}

# stat LOG NAME: a figure of libFuzzer's summary.
stat() { sed -n "s/^stat::$2: *//p" "$1" | tail -n 1; }

# last LOG WORD: the figure behind a word such as "cov:" in the last progress line that has one.
last() { grep -a -o "$2 [0-9]*" "$1" | tail -n 1 | sed 's/.* //'; }

fuzz() {
    local target=$1 log start seconds cpu result
    local TIMEFORMAT='%U %S'
    log=$STATE/$target.log
    mkdir -p "$STATE/corpus/$target" "$STATE/artifacts/$target"
    start=$(date +%s)
    result="nothing found"
    cpu=$({ time "$TARGET_DIR/$HOST/release/$target" "$STATE/corpus/$target" "$STATE/seeds/$target" "${LIMITS[@]}" \
        -malloc_limit_mb="$(limit "$target")" -seed="$SEED" -max_total_time=$((MINUTES * 60)) -print_final_stats=1 -artifact_prefix="$STATE/artifacts/$target/" \
        > "$log" 2>&1; } 2>&1) || result="**$(grep -a -m 1 -o 'ERROR: .*' "$log" | tr '|' '/' | cut -c 1-100)**"
    seconds=$(($(date +%s) - start))
    printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' \
        "$target" "$(date -u +%F)" "$COMMIT" "$SEED" "$(awk "BEGIN {printf \"%.1f\", $seconds / 60}")" \
        "$(echo "$cpu" | awk '{printf "%.1f", ($1 + $2) / 60}')" "$(stat "$log" number_of_executed_units)" "$(last "$log" cov:)" "$(last "$log" ft:)" "$(last "$log" corp:)" \
        "$(stat "$log" slowest_unit_time_sec)" "$(stat "$log" peak_rss_mb)" "$result" >> "$PROOF"
    say "$target: $seconds s, $result"
    [ "$result" = "nothing found" ] || { tail -n 40 "$log" >&2; return 1; }
}

# Writes the sums over all runs between their marks. A run has a date; the sums themselves are no runs.
totals() {
    local sums
    sums=$(mktemp)
    awk -F ' *[|] *' '/^[|] [a-z_]+ [|] [0-9]+-[0-9]+-[0-9]+ [|]/ { minutes[$2] += $6; cpu[$2] += $7; runs[$2] += $8; if ($14 != "nothing found") found[$2]++ }
        END {
            print "| target | minutes | CPU, where noted | executions | runs that found something |\n|---|---|---|---|---|"
            split("'"$OF_CODEC $OF_PROGRAM"'", names, " ")
            for (i = 1; i in names; i++) {
                n = names[i]
                if (n in minutes) printf "| %s | %.1f | %.1f | %d | %d |\n", n, minutes[n], cpu[n], runs[n], found[n]
                else printf "| %s | not run | | | |\n", n
            }
        }' "$PROOF" > "$sums"
    sed -i -e "/<!-- totals -->/r $sums" -e '/<!-- totals -->/,/<!-- end -->/{/<!-- /!d}' "$PROOF"
    rm -f "$sums"
}

if [ "${1:-}" = totals ]; then
    totals
    exit 0
fi
need
HOST=$(rustc -vV | sed -n 's/^host: //p')
COMMIT=$(git rev-parse --short=12 HEAD)$(git diff --quiet HEAD -- "$CRATE" src fuzz || echo +)
readonly HOST COMMIT
export CARGO_TARGET_DIR=$TARGET_DIR
cargo +nightly fuzz build --fuzz-dir "$CRATE/fuzz"
cargo +nightly fuzz build --fuzz-dir fuzz
seed_corpus

failed=0
for target in ${*:-$OF_CODEC $OF_PROGRAM}; do
    fuzz "$target" || failed=1
    totals
done
exit "$failed"
