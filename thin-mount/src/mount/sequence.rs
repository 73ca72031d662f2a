//! Whether a file is being read from the front to the back, and what is wanted next then.

use crate::chunk::CHUNK_SIZE;
use std::ops::Range;

const LEAF: u64 = CHUNK_SIZE as u64;
/// How many bytes must be read in one stretch. Tables are read in short ones too.
const STRETCH: u64 = 256 * 1024;
/// How many reads of the kernel may overtake each other, which reads ahead on several threads.
const DISORDER: u64 = 4;
/// How far to fetch ahead, in leaves: 8 MiB, but no more than twice what was read in this stretch.
const AHEAD: u64 = 128;

#[derive(Debug, Default)]
pub(super) struct Sequence {
	/// The end of the furthest read.
	end: u64,
	/// How many bytes were read in this stretch.
	stretch: u64,
	/// The first leaf that was not asked for.
	asked: u64,
}

impl Sequence {
	/// Takes note of a read. The leaves to fetch now, if there are any.
	pub(super) fn advance(&mut self, offset: u64, length: usize, file: u64) -> Option<Range<u64>> {
		let end = offset.saturating_add(length as u64);
		if offset.abs_diff(self.end) > DISORDER.saturating_mul(length as u64) {
			*self = Self { end, stretch: length as u64, asked: 0 };
			return None;
		}
		self.stretch = self.stretch.saturating_add(length as u64);
		if end <= self.end {
			return None;
		}
		self.end = end;
		let next = end.div_ceil(LEAF);
		let ahead = (self.stretch / LEAF).saturating_mul(2).min(AHEAD);
		// More is asked for when half of it is used up.
		if self.stretch < STRETCH || next.saturating_add(ahead / 2) < self.asked {
			return None;
		}
		let range = next.max(self.asked)..next.saturating_add(ahead).min(file.div_ceil(LEAF));
		self.asked = self.asked.max(range.end);
		(!range.is_empty()).then_some(range)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const FILE: u64 = 1 << 30;

	#[test]
	fn a_reader_who_goes_straight_on_gets_each_leaf_once() {
		let mut sequence = Sequence::default();
		let mut asked = Vec::new();
		for at in (0..FILE).step_by(131_072) {
			asked.extend(sequence.advance(at, 131_072, FILE));
		}
		assert!(asked.windows(2).all(|pair| pair[0].end == pair[1].start));
		assert_eq!(asked.last().map(|range| range.end), Some(FILE / LEAF));
		assert_eq!(asked[0], 4..12, "twice of what was read");
		let long = |range: &&Range<u64>| range.end - range.start >= AHEAD / 2;
		assert!(asked[8..asked.len() - 1].iter().all(|range| long(&range)), "{asked:?}");
	}

	#[test]
	fn reads_may_overtake_each_other() {
		let mut sequence = Sequence::default();
		let mut offsets: Vec<u64> = (0..64).map(|at| at * 131_072).collect();
		offsets.chunks_mut(4).for_each(|four| four.reverse());
		let asked: Vec<_> =
			offsets.iter().filter_map(|at| sequence.advance(*at, 131_072, FILE)).collect();
		assert!(asked.len() >= 2);
	}

	#[test]
	fn a_reader_who_jumps_gets_nothing() {
		let mut sequence = Sequence::default();
		for at in 0..1_000u64 {
			let offset = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % FILE;
			assert_eq!(sequence.advance(offset, 16_384, FILE), None);
		}
		assert_eq!(Sequence::default().advance(u64::MAX - 5, 100, FILE), None);
		// Blocks of a table near each other are no stretch.
		let mut sequence = Sequence::default();
		for at in 0..1_000u64 {
			let offset = FILE / 2 + at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 2_000_000;
			assert_eq!(sequence.advance(offset, 4_096, FILE), None);
		}
	}
}
