//! The runtime of the template chain without Thin: what is left when the lines that docs/TUTORIAL.md adds are taken
//! out of this package again. `scripts/test/plain-runtime.mjs` does that, and `scripts/test/lint.sh` compiles it.
#![allow(missing_docs, reason = "`frame_support::runtime` writes items here without documentation")]

include!(concat!(
	env!("THIN_PLAIN_RUNTIME", "a folder that scripts/test/plain-runtime.mjs has written"),
	"/lib.rs"
));
