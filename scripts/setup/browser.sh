# The browser that the page of the registry is tested in. Sourced after packages.sh.
# shellcheck shell=bash

find_browser() { command -v "${CHROMIUM:-chromium}" || command -v google-chrome; }

# Prints the path of a browser, and installs Debian's first where there is none. Fails where that is not
# possible.
setup_browser() {
	# In a shell of its own: what can't be installed ends that one.
	find_browser >/dev/null || (install_packages chromium fonts-dejavu-core) || true
	find_browser
}
