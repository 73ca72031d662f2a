# Debian's packages. Sourced by setup.sh.
# shellcheck shell=bash

# What each package is for, and a command that tells that it is there by another way
# (`-`: only the package counts).
needed_packages() {
	cat <<-'LIST'
		build-essential   cc              C and C++ parts of the dependencies
		clang             clang           bindings of RocksDB
		libclang-dev      -               bindings of RocksDB
		perl              -               builds OpenSSL, which the network library brings along
		protobuf-compiler protoc          the network library's messages
		git               git             the version that the node reports
		jq                jq              the scripts read JSON
		fuse3             fusermount3     mounting
		nodejs            node            polkadot-js
		npm               npm             polkadot-js
		redis-server      redis-server    tests: a store
		rocksdb-tools     db_bench        tests: a database that isn't ours
	LIST
}

missing_packages() {
	local package command rest
	needed_packages | while read -r package command rest; do
		: "$rest"
		[ "$command" != - ] && command -v "$command" >/dev/null 2>&1 && continue
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] && continue
		printf '%s ' "$package"
	done
}

# install_packages PACKAGE…: with apt, as root or through sudo.
install_packages() {
	local as_root=()
	command -v apt-get >/dev/null 2>&1 ||
		unusable "this script knows only Debian's apt; install these, or what your system calls them: $*"
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null 2>&1 ||
			unusable "not root, and there is no sudo; have these installed: apt-get install $*"
		as_root=(sudo)
	fi
	say "installing with apt (one to five minutes): $*"
	"${as_root[@]}" apt-get update -qq
	# Recommended packages stay out: nothing here needs them, and they are many.
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "$@" >&2
}

setup_packages() {
	local missing
	read -r -a missing <<<"$(missing_packages)"
	[ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"
}
