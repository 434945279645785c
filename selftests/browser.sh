#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The pages of `teach report` in a real browser, headless Chromium: they draw
# all that was recorded, answer to the mouse and the keyboard, and can be read
# in the dark, on a phone and on paper.  Screenshots are left in the directory
# $SCREENSHOTS.
#
# Runs on the host, without root, the module or a network: scripts/check --tier
# browser.  BIG is how many segments the largest recording has, 1,000,000
# unless told.

cd "$(dirname "$(readlink -f "$0")")" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

for program in teach chromium python3; do
	command -v $program > /dev/null ||
		{ echo "1..0 # SKIP no $program on PATH"; exit 4; }
done

big=${BIG:-1000000}
screenshots=${SCREENSHOTS:-$work}

# page NAME RECORDING: make NAME.html
page()
{
	teach report --output "$work/$1.html" "$2"
}

mkdir -p "$screenshots" || exit 1
for recording in ladder/*.events; do
	name=${recording##*/}
	# Without a connection there is no page.
	[ "$name" != datagrams.events ] || continue
	cp "$recording" "$work/$name"
	page "${name%.events}" "$recording" || exit 1
done
sed 's/missed 0/missed 17/' ladder/short.events > "$work/missed.events"
sed -e 's|^# netns 101 .*|# netns 101 </script><script>hack()//|' \
	-e 's|reason=CHECKSUM|reason=<b>hack</b>|' \
	ladder/loss.events > "$work/evil.events"
python3 report/simulate.py 300 > "$work/transfer.events"
# One after the other, each from a port of its own.
awk '
/^[0-9]/ { line[n++] = $0 }
END {
	print "# teach events 1"
	for (i = 0; i < 1000; i++)
		for (k = 0; k < n; k++) {
			split(line[k], time, ".")
			sub(/^[0-9]*/, time[1] + 10 * i, line[k])
			gsub(/10\.0\.0\.1:[0-9]*/, "10.0.0.1:" 10000 + i, line[k])
			print line[k]
			sub(/^[0-9]*/, time[1], line[k])
		}
}' ladder/short.events > "$work/thousand.events"
# Two of three segments are data, the third acknowledges them.
python3 report/simulate.py $((big * 2 / 3)) 100000 > "$work/big.events"
for name in missed evil transfer thousand big; do
	page $name "$work/$name.events" || exit 1
done

python3 report/browser.py "$work" "$screenshots"
