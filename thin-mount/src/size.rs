//! Sizes as people write them: `20G`.

/// Reads a number of bytes, with K, M, G or T after it for powers of 1,024.
///
/// Errors with a sentence that says what is expected.
pub fn parse(text: &str) -> Result<u64, String> {
	let expected = || format!("'{text}' is no size: expected a number, as in 500M or 20G");
	let trimmed = text.strip_suffix("iB").or(text.strip_suffix('B')).unwrap_or(text);
	let digits = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic());
	let shift = match &trimmed[digits.len()..] {
		"" => 0,
		"K" | "k" => 10,
		"M" | "m" => 20,
		"G" | "g" => 30,
		"T" | "t" => 40,
		_ => return Err(expected()),
	};
	let number: u64 = digits.parse().map_err(|_| expected())?;
	number.checked_mul(1 << shift).ok_or_else(|| format!("'{text}' is more than there can be"))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn sizes_are_read() {
		assert_eq!(parse("20G"), Ok(20 << 30));
		assert_eq!(parse("512"), Ok(512));
		assert_eq!(parse("3KiB"), Ok(3 << 10));
		assert_eq!(parse("1tB"), Ok(1 << 40));
		for bad in ["", "G", "-1", "1.5G", "1X", "1GG", "99999999999T", "1é"] {
			assert!(parse(bad).is_err(), "{bad}");
		}
	}
}
