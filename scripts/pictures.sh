#!/usr/bin/env bash
# pictures.sh FOLDER OUT: draws each page of FOLDER, as high as it is, into a PNG of OUT. Needs Chromium.
set -eu

readonly WIDTH=1600
# What is drawn stays readable, and small enough for a repository.
readonly SCALE=0.75
# Pages that the documentation shows; of the others there is no picture in the repository.
readonly SHOWN="brokerbeat-overview brokerbeat-lag brokerbeat-brokers brokerbeat-zookeeper"
readonly MOST_BYTES=200000

browser() {
    local name
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name"; then return 0; fi
    done
    echo "no Chromium: scripts/install.sh pictures" >&2
    return 1
}

# The page says its own height, of which the window must be: a screenshot is of the window.
height_of() {
    timeout 60 "$chromium" --headless --no-sandbox --disable-gpu --virtual-time-budget=3000 --dump-dom "file://$1" 2> /dev/null \
        | sed -n 's/.*data-height="\([0-9]*\)".*/\1/p' | head -n 1
}

draw() {
    local page=$1 png=$2 height
    height=$(height_of "$page")
    timeout 60 "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=$SCALE --virtual-time-budget=3000 \
        "--window-size=$WIDTH,${height:-2100}" "--screenshot=$png" "file://$page" > /dev/null 2>&1
}

chromium=$(browser)
folder=$(cd "$1" && pwd)
mkdir -p "$2" "$folder/png"
for page in "$folder"/*.html; do
    name=$(basename "$page" .html)
    draw "$page" "$folder/png/$name.png"
    echo "$folder/png/$name.png: $(stat -c %s "$folder/png/$name.png") bytes"
done
for name in $SHOWN; do
    size=$(stat -c %s "$folder/png/$name.png")
    if [ "$size" -gt "$MOST_BYTES" ]; then
        echo "$name.png has $size bytes, more than $MOST_BYTES" >&2
        exit 1
    fi
    cp "$folder/png/$name.png" "$2/$name.png"
done
