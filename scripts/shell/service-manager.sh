# What a service manager is told by a program, as Type=notify of systemd has it. Sourced after
# processes.sh.
# shellcheck shell=bash

# start_manager NAME: a program that is started with NOTIFY_SOCKET="$WORK/NAME.socket" tells this one.
# Each line of it goes to NAME-told.out.
start_manager() {
	# shellcheck disable=SC2016 # The dollars are of Perl.
	start "$1-told" perl -MIO::Socket::UNIX -e '
		$| = 1;
		my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
		print "listening\n";
		print "$told\n" while defined $socket->recv($told, 65536);' "$WORK/$1.socket"
	wait_for_line "$1-told" '^listening$' 30 >/dev/null
}

# told NAME STATE…: waits until it has told that it is ready (READY=1), or also that it stops
# (STOPPING=1), each once.
told() {
	local name="$1" state
	shift
	for state in "$@"; do wait_for_line "$name-told" "^$state\$" 180 >/dev/null; done
	[ "$(grep -c -E '^(READY|STOPPING)=1$' "$WORK/log/$name-told.out")" -eq "$#" ] || {
		show_log "$name-told"
		fail "$name tells the service manager something else than $*"
	}
}
