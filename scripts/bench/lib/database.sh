# Databases of nodes, copied as cheaply as can be. Sourced.
# shellcheck shell=bash

# copy_base FROM TO: a base path whose node doesn't run. Tables are linked: RocksDB writes each once.
copy_base() {
	rm -rf "$2"
	cp -al "$1" "$2"
	find "$2" -type f ! -name '*.sst' -exec sh -c \
		'for file; do cp -p "$file" "$file.copy" && mv "$file.copy" "$file"; done' sh {} +
}

# database_of BASE-PATH: the folder of its RocksDB.
database_of() { find "$1" -type d -path '*/db/full' -print -quit; }

bytes_of() { du --summarize --apparent-size --block-size=1 "$1" | cut -f1; }
