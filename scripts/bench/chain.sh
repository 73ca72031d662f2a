#!/usr/bin/env bash
# Makes the database of a chain, of a given size, to measure with.
#
# Usage: scripts/bench/chain.sh SIZE [--later BLOCKS] [--bin DIRECTORY] [--help]
#
# SIZE is as in 64M or 1G: what the archive database of the development chain takes at least, up to an
# eighth more. It has real blocks, as a validator makes them, of 60 signed transfers, three of four to a new account; one
# block in 32 is justified. What is made is kept, and made once: its folder is printed, and holds
#
#   chain.json    the chain spec
#   base/         the base path of a node with the whole chain
#   later/        the same some blocks later
#
# Below ${XDG_CACHE_HOME:-~/.cache}/thin/bench. A gigabyte takes some minutes.
#
#   --later BLOCKS    how many blocks later [1000]
#   --bin DIRECTORY   where thin-node is; without it, the project is set up and built first
#
# Exit codes: 0 made, or there already, 1 could not be made, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/bench/lib/database.sh"

size=
later=1000
bin=
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--bin | --later)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		if [ "$1" = --bin ]; then bin="$2"; else later="$2"; fi
		shift
		;;
	-*) unusable "unknown option '$1'; see --help" ;;
	*) size="$1" ;;
	esac
	shift
done
[[ "$size" =~ ^[1-9][0-9]{0,4}[KMGT]$ ]] || unusable "name a size, as in 64M or 1G; see --help"
[[ "$later" =~ ^[1-9][0-9]{0,6}$ ]] || unusable "--later takes a number, not '$later'"

exec 3>&1 1>&2
place="${XDG_CACHE_HOME:-$HOME/.cache}/thin/bench/chain-$size-$later"
if [ -e "$place" ]; then
	printf '%s\n' "$place" >&3
	exit 0
fi
find_programs "$bin" thin-node

# Under another name until it is whole.
mkdir -p "${place%/*}"
part="$(mktemp -d "$place.part.XXXXXXXX")"
trap 'rm -rf "$part"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# make_chain BASE-PATH OPTION…: blocks on top of those that are there. Prints what there is then.
make_chain() {
	local base="$1"
	shift
	"$bin/thin-node" make-chain --chain "$part/chain.json" --base-path "$base" \
		--state-pruning archive --blocks-pruning archive "$@" 2>"$part/log" ||
		{
			tail -n 20 "$part/log" >&2
			fail "no chain of $size"
		}
	# A database that is opened writes down what was only in its log before.
	"$bin/thin-node" chain-info --chain "$part/chain.json" --base-path "$base" >/dev/null 2>&1
}

# make_chain_of BYTES BASE-PATH: until the database takes so many. What is made by size takes less once its
# log is written down, about half of it.
make_chain_of() {
	local bytes="$1" base="$2" is made height
	made="$(make_chain "$base" --size "$bytes")"
	while is="$(bytes_of "$(database_of "$base")")" && [ "$is" -lt "$bytes" ]; do
		height="$(jq .height <<<"$made")"
		say "$height blocks take $((is / 1000000)) MB; making more"
		made="$(make_chain "$base" --blocks $((((bytes - is) * height + is - 1) / is)))"
	done
	printf '%s\n' "$made"
}

say "making a chain of $size in $place (minutes for each gigabyte)"
"$bin/thin-node" export-chain-spec --chain dev --raw --output "$part/chain.json" 2>/dev/null
make_chain_of "$(numfmt --from=iec "$size")" "$part/base" >"$part/made.json"
say "making $later blocks more beside it"
copy_base "$part/base" "$part/later"
make_chain "$part/later" --blocks "$later" >"$part/later.json"
rm -f "$part/log"
chmod 755 "$part"
mv "$part" "$place"
trap - EXIT
say "made: $(cat "$place/made.json")"
printf '%s\n' "$place" >&3
