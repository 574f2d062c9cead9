#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The link checker over the httpd: a site in files, with broken links of several kinds.
dir=$(mktemp -d) || exit 1
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$dir"' EXIT

page() {
    mkdir -p "$(dirname "$dir/site/$1")"
    printf '<!doctype html><title>%s</title>\n' "$1" >"$dir/site/$1"
    shift
    for link; do printf '<p><a href="%s">link</a>\n' "$link"; done >>"$dir/site/$last"
}
last=index.html page index.html a/b.html /c.html 'http://elsewhere.example/' '#here'
last=a/b.html page a/b.html ../c.html ./b.html d/../e.html missing.html
last=a/e.html page a/e.html .. /a/../index.html '/c.html?x=1#y'
last=c.html page c.html a/b.html /also/missing.html

$TEST_EMULATOR "$BUILD/examples/httpd" -l 127.0.0.1:0 "$dir/site" >"$dir/out" 2>&1 &
server=$!
i=0
until url=$(grep -o 'http://127[0-9.:]*' "$dir/out" | head -n 1) && [ -n "$url" ]; do
    i=$((i + 1))
    [ $i -lt 300 ] && kill -0 $server || { cat "$dir/out"; exit 1; }
    sleep 0.1
done

$TEST_EMULATOR "$BUILD/examples/linkcheck" "$url/index.html" >"$dir/found"
status=$?
cat >"$dir/expected" <<'END'
200 /
200 /a/b.html
200 /a/e.html
404 /a/missing.html
404 /also/missing.html
200 /c.html
200 /c.html?x=1
200 /index.html
8 pages, 2 broken
END
sed 's/   linked from.*//' "$dir/found" | diff -u "$dir/expected" - || exit 1
[ $status -eq 1 ] || { echo "status $status, expected 1"; exit 1; }
