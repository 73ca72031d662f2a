# The packages of the polkadot-js scripts. Sourced by setup.sh.
# shellcheck shell=bash

setup_javascript() {
	local lock stamp="$SCRIPTS/node_modules/.lock-installed"
	node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' ||
		unusable "node $(node --version) is too old: the scripts take 18 or newer"
	lock="$(sha256sum <"$SCRIPTS/package-lock.json")"
	[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$lock" ] && return 0
	say "installing polkadot-js (up to two minutes)"
	(cd "$SCRIPTS" && npm ci --no-audit --no-fund --loglevel=error >&2)
	printf '%s\n' "$lock" >"$stamp"
}
