//! Compiles the runtime to WebAssembly and embeds it as `WASM_BINARY`.

fn main() {
	// The inner build, the one for WebAssembly itself, has no `std` and nothing to embed.
	#[cfg(feature = "std")]
	embed_wasm();
}

#[cfg(feature = "std")]
fn embed_wasm() {
	let builder = substrate_wasm_builder::WasmBuilder::init_with_defaults();
	// Symbol and decimals are part of the metadata hash: they have to be those of the chain spec.
	#[cfg(feature = "metadata-hash")]
	let builder = builder.enable_metadata_hash("THIN", 12);
	builder.build();
}
