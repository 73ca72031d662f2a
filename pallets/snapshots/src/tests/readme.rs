//! The documentation shows code that is run.

/// The lines without their indentation, and without the empty ones.
fn lines(text: &str) -> Vec<&str> {
	text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[test]
fn its_code_is_taken_from_the_tests() {
	let tests = [include_str!("life.rs"), include_str!("attestations.rs")].map(lines);
	let mut found = 0;
	// What follows every second fence is text again.
	for block in include_str!("../../README.md").split("```").skip(1).step_by(2) {
		let code = lines(block);
		let (language, code) = code.split_first().unwrap();
		assert_eq!(*language, "ignore", "code of another kind");
		assert!(
			tests.iter().any(|test| test.windows(code.len()).any(|window| window == code)),
			"no test has this code:\n{}",
			code.join("\n")
		);
		found += 1;
	}
	assert!(found >= 6, "only {found} pieces of code");
}
